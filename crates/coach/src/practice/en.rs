//! The practice partner's English.

use super::{Lines, MessageIntent};

pub(super) static LINES: Lines = Lines {
    practice_mode: "> This is **practice mode**. No AI model is connected, so I cannot give you answers, but we can sharpen your question together.",
    reactions,
    frames: [
        "| I know | I wonder | How to find out |\n| --- | --- | --- |\n| what comes to mind at “{it}” | one thing I don't know yet | a book, a person, trying it |\n\n**What would you write under “I wonder”?**",
        "1. Write down the first scene that “{it}” brings to mind.\n2. Pick one thing in it that is strange or surprising.\n3. Put “why” or “how” in front of that.\n\n**Which question do you get at step 3?**",
        "- Who is it for: me, a friend, a teacher\n- Where will I use it: a talk, an essay, just for me\n- How long should it be: a sentence, three points, a minute\n\n**Pick one of each: how does your question about “{it}” change?**",
        "| | “{it}” | something to compare |\n| --- | --- | --- |\n| alike | … | … |\n| different | … | … |\n\n**What would you like to compare “{it}” with?**",
        "- My guess about “{it}”: …\n- What makes me think so: …\n- How I could check it: …\n\n**Which of the three lines is hardest to fill in?**",
        "- What if one thing about “{it}” went missing\n- What if you saw it for the first time\n- What if it were a hundred years ago, or a hundred from now\n\n**Which “what if” makes you most curious?**",
    ],
    care: [
        "Thank you for telling me. That sounds very hard, and you don't have to carry it alone.\n\nI am a practice partner, not a person, so I cannot be there for you. Please tell an adult you trust now: a parent, a teacher, a school counsellor.\n\n- **In Korea, the youth line 1388** listens day and night, by phone or text.\n- **If you are in danger right now, call 112 or 119.**\n\nIs there an adult near you whom you can talk to?",
        "It took courage to write that. It is not your fault.\n\nYou need more help than I can give. Please show what you just wrote to one adult you trust.\n\n- **The youth line 1388 (Korea)** is there at any time and keeps what you say private.\n- **If anyone is hurt or about to be, call 112 or 119.**\n\nWho is the first trustworthy adult you can think of?",
        "I cannot know how heavy this feels, but I do want you to get help.\n\nThe lesson can wait. Please let an adult know first; you can hand them a note if speaking is hard.\n\n- **Youth line 1388 (Korea), by phone or text**\n- **In an emergency 112 or 119**\n\nCan you think of one adult to talk to today?",
    ],
};

fn reactions(intent: MessageIntent) -> [&'static str; 3] {
    match intent {
        MessageIntent::Greeting => [
            "Hello! Let us look for something you wonder about in {topic}.",
            "Nice to meet you! Let us choose where to start with {topic}.",
            "Hello! If you could ask just one thing about {topic}, think what it would be.",
        ],
        MessageIntent::Thanks => [
            "I am glad to hear that. If something is still open, let us go on.",
            "Thank you, too. A question grows as much as you think about it yourself.",
            "You are welcome. You can stop here, or take one more step.",
        ],
        MessageIntent::Noise => [
            "I cannot see a question yet, and that is all right. One word from {topic} is enough to begin.",
            "Sometimes nothing comes to mind. Put any word into the frame below.",
            "Take your time. One thing that {topic} makes you think of will do.",
        ],
        MessageIntent::More => [
            "Good that you want more. I cannot tell you new facts, but we can decide together which way to go.",
            "Put one word after “more” and you will see the way. Choose what you want more of.",
            "To go deeper, hold on to one word that came up before. This frame helps to choose it.",
        ],
        MessageIntent::Why => [
            "“Why” is a strong word. It gets stronger when you say what you mean by it.",
            "A good moment for “why”. Write your own guess first, and you will know an answer when you see it.",
            "Let us find the words that come after “why”.",
        ],
        MessageIntent::FinishedWork => [
            "I understand you are in a hurry. I won't write the answer for you, but I can help to find where you are stuck. Start with how far you got.",
            "A bare answer leaves you stuck again next time. Let us part what you know from what you don't.",
            "Instead of the finished work, let us take the first step together. Write one line, and the next gets easier.",
        ],
        MessageIntent::Bridge => [
            "So “{it}” is on your mind. Find one place where it meets {topic}, and it becomes our question.",
            "You care about “{it}”. Let us build a bridge from there to {topic}.",
            "Starting from what you like is fine. Is there something in “{it}” that leads to {topic}? Look with me.",
        ],
        MessageIntent::Question => [
            "Your question starts from “{it}”. It gets clearer if you first say what you know already.",
            "“{it}” caught your eye. Think what you want the answer for, and the question gets sharper.",
            "You asked about “{it}”. Let us go one layer deeper.",
        ],
        MessageIntent::Statement => [
            "You brought up “{it}”. Let us turn that into a question.",
            "What is it about “{it}” that makes you stop? That is where a question begins.",
            "Let us start from “{it}” and choose where the question mark goes.",
        ],
    }
}
