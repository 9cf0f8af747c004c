//! The texts of the six presets in English.

use super::{PresetTexts, Texts};

pub(super) const SOCIETY: PresetTexts = PresetTexts {
    tagline: "Solve what bothers people at school and nearby",
    texts: Texts {
        greeting: "Hello! Today we look at problems close to home. Is there something at school or in your neighbourhood that makes you think “this could be better”? Tell me when, where and for whom it is a problem, and we'll start from there.",
        title: "Turn a nuisance into a question",
        introduction: "Social problems aren't only in the news. A long lunch queue, a dark street, an overflowing bin: people can solve them together. Ask step by step who is affected and why, and a way forward begins to show.",
        tips: [
            "Describe the problem first: when, where, who, how often. Then the AI can think about your case.",
            "Say what is not possible. “Without spending money” or “within a month” leads to ideas you can try.",
            "Don't stop at the first answer. Ask what someone who disagrees would say. AI can be wrong.",
        ],
        starters: [
            "At my school the lunch queue takes more than 15 minutes. Compare two ways to shorten it without adding counters, with good and bad points.",
            "Scooters are left all over the pavement near my school. First explain why this happens, then what students my age could do about it.",
            "Our class debates “phones should stay with students”. I'm in favour. Which two arguments will the other side make, so that I can prepare?",
        ],
    },
};

pub(super) const SCIENCE: PresetTexts = PresetTexts {
    tagline: "Follow a “why?” the way a scientist does",
    texts: Texts {
        greeting: "Hello! Science begins with “why?”. Have you seen something odd or surprising lately? Tell me what you saw and what you think is behind it, and we'll dig in together.",
        title: "Follow your “why?” step by step",
        introduction: "There is science in everyday things: a drink that climbs up a straw, the smell of soil after rain. Say what you noticed and what you guess, and curiosity turns into inquiry.",
        tips: [
            "Start with what you saw. Details such as “last night” or “with three ice cubes” help to find the cause.",
            "Add your own guess: “I think it's the temperature. Is that right?” Then you learn how far you were right.",
            "Ask how you could check the answer. AI can be wrong, so compare it with your textbook.",
        ],
        starters: [
            "When I put ice into cola it foams up. I think it's because of the temperature. Is that right, and how can I test it safely at home?",
            "Why is the sky blue at noon but red at sunset? Please compare how far the light travels, in words for a 13-year-old.",
            "I heard that cats land on their feet. Explain step by step how they turn, and compare it with why people can't.",
        ],
    },
};

pub(super) const HISTORY: PresetTexts = PresetTexts {
    tagline: "Question the choices of people long ago",
    texts: Texts {
        greeting: "Hello! Let's walk back in time today. Which period are you learning about, or which person stayed in your mind? Tell me one thing you wonder about and we'll begin there.",
        title: "Ask as if you could ask them",
        introduction: "History is more than years to remember. It asks what people saw and why they chose as they did. Ask about causes, results and different points of view, and the past comes closer.",
        tips: [
            "Name the time, place or person. “A market in Seoul under King Sejong” is clearer than “old Korea”.",
            "After “what happened?” go on with “why?” and “what changed because of it?”.",
            "Ask which records tell the story. AI can get years and sources wrong, so check your textbook.",
        ],
        starters: [
            "I have a three-minute talk to give. With two examples, explain simply how the Korean alphabet may have changed the daily life of ordinary people.",
            "Compare why the Imjin War began as seen from Joseon, from Japan and from Ming China. I want to understand the story, not only pass a test.",
            "If I were fourteen in Joseon times, what would my day be like from morning to night? Compare a noble child and a farmer's child in a table.",
        ],
    },
};

pub(super) const LITERATURE: PresetTexts = PresetTexts {
    tagline: "Write your own story, one sentence at a time",
    texts: Texts {
        greeting: "Hello! Is a story floating around in your head? A character, a scene or a first sentence is enough. Tell me what you have so far and we'll find the next step. You write; I help.",
        title: "Your writing, shared thinking",
        introduction: "If an AI writes all of it, the text belongs to nobody. Show a line of your own and ask what is missing or which other ways there are. While you choose and change, it becomes yours.",
        tips: [
            "Say what it should feel like and who will read it: “scary but a bit funny”, “for my little brother”.",
            "Send your own sentence and ask what to change and why. The why helps with your next text.",
            "Ask for three different ways, choose one and put it into your own words.",
        ],
        starters: [
            "I'm writing about a secret passage in a library. My first line is “I opened the door.” and it isn't exciting. Show me two directions in which I could change it.",
            "I want to write an eight-line poem for a friend who is moving away. How can I show my feelings without the word “sad”? Please give an example.",
            "My hero is a talking sandwich. Help me plan which events should come in which order, so that it's funny but touching at the end.",
        ],
    },
};

pub(super) const TECHNOLOGY: PresetTexts = PresetTexts {
    tagline: "Think through what new technology will change",
    texts: Texts {
        greeting: "Hello! Let's imagine tomorrow. Robots, AI, space travel, games: anything goes. Which technology makes you curious? And whose day do you think it will change?",
        title: "Ask about the bright and the dark side",
        introduction: "New technology makes life easier and brings new worries. Ask separately how it works, who gains and who may lose, and you can picture the future for yourself.",
        tips: [
            "Name the technology and where it's used. “A robot that serves food in a restaurant” is clearer than “a robot”.",
            "Don't ask about everything at once. Choose an order: how it works, what is good, what is worrying.",
            "AI may not know the latest news and can be wrong. Ask how recent its knowledge is.",
        ],
        starters: [
            "How should a self-driving car decide when it can't avoid a crash? Compare two different opinions with their reasons.",
            "When I watch recommended videos an hour is gone in no time. First explain how the algorithm chooses them, then give me two ways to stay in control.",
            "What if a robot were our class teacher? Imagine the day from morning to home time, with one good thing and one problem for each part.",
        ],
    },
};

pub(super) const ARTS: PresetTexts = PresetTexts {
    tagline: "See pictures, music and films with new eyes",
    texts: Texts {
        greeting: "Hello! Is there a song you keep playing, a picture you can't forget or a film you want to see again? Tell me in a word what drew you to it, and we'll look closer together.",
        title: "Find the reason behind “I like it”",
        introduction: "Art has no right answer, but it has reasons. Go one step beyond “I just like it”: ask about colour, sound, story and time, and what you love grows deeper.",
        tips: [
            "Name the work and the part that stayed with you. “The chorus gave me goose bumps” is useful too.",
            "Ask to compare two works. Looking for what is alike and what is different trains your eye.",
            "AI sometimes gets lyrics and dates wrong. Check by looking and listening yourself.",
        ],
        starters: [
            "In Van Gogh's “The Starry Night” the sky seems to whirl. Explain why it feels like that, first by colour and then by brush strokes.",
            "I want to introduce pansori to a friend in one minute. Compare it with rap: one thing alike, one thing different, with examples.",
            "Horror films are less scary without sound. Explain step by step how music makes us afraid, and suggest a small experiment for home.",
        ],
    },
};
