//! The coach's English.

use super::{Phrasings, Words};
use domain::{Preset, feedback::DimId};

pub(super) static WORDS: Words = Words {
    praise,
    also,
    beginning: &[
        "Your wondering starts at “{quote}”. A question can grow from here.",
        "“{quote}” is a first step. A few more words will carry it further.",
        "There is a seed of a question in “{quote}”. Let it unfold a little.",
    ],
    improve,
    next,
    whole: [
        &[
            "You can send this question just as it is. If you like, guess the answer before you read it.",
            "There is nothing here that needs mending. Adding one line of your own opinion would take the talk deeper.",
        ],
        &[
            "Read the answer and check one thing in it: is that really so?",
            "Sort the answer into what fits your situation and what does not.",
        ],
    ],
    noise: [
        &[
            "There is no question to see in “{quote}” yet. That is all right; one word is enough to begin.",
            "I can't tell yet what you wonder about, so let us look for it together. What comes after “{quote}”?",
            "You sent “{quote}”. If nothing comes to mind, you can begin with a question below.",
        ],
        &[
            "Take one word that belongs to {topic} and put “why” or “how” in front of it.",
            "Write down one thing you saw lately that has to do with {topic}.",
        ],
        &[
            "Choose a question below that you like and fill in the ___.",
            "Put one of the questions below into your own words.",
        ],
    ],
    greeting: [
        &["“{quote}” to you too! Let us look at {topic} together.", "“{quote}” — how nice to meet you."],
        &[
            "Now think of one thing about {topic} you would like to know.",
            "Next time, add one thing you want to find out.",
        ],
        &["A question below is an easy way to begin.", "Choose one below and fill in the ___."],
    ],
    thanks: [
        &["“{quote}” — that is kind of you.", "It is good to read “{quote}”."],
        &[
            "If you want to go on, choose one thing you have just learned and ask about it.",
            "If something is still open, write down just that.",
        ],
        &[
            "A question below takes you one step further.",
            "Say in one sentence what you have learned, and ask where you get stuck.",
        ],
    ],
    off: [
        &[
            "Your mind is on “{quote}”. We can start from what you care about.",
            "You brought up “{quote}”. Things you like can become questions too.",
            "Right now you are curious about “{quote}”. Let us bring that over to our topic.",
        ],
        &[
            "Find one point where it meets {topic}, and we can talk about both.",
            "Is there one part of it that has to do with {topic}? Start there.",
        ],
        &[
            "Build a bridge between the two, as the first question below does.",
            "Fill in the ___ below and it leads to the topic.",
        ],
    ],
    care: [
        &["Thank you for writing “{quote}”. It took courage to say so."],
        &["Right now you matter more than how a question is put. You don't have to carry this alone."],
        &[
            "Please tell an adult you trust now. In Korea the youth line 1388 is open day and night; in danger call 112 or 119.",
        ],
    ],
    care_questions: &[
        "Would it be all right to begin by telling an adult I trust that ___?",
        "What help can I get if I contact the youth line 1388?",
        "What can I do right now when it all feels too heavy?",
    ],
    finished_work: [
        &[
            "“{quote}” sounds like a hurry. A bare answer leaves you stuck again next time, so write how far you got and where it stopped.",
            "Instead of “{quote}”, try “I got this far and then I was stuck here”. That way you learn to do it yourself.",
        ],
        &[
            "Write down one thing you know about the task and one you don't, and ask only about the second.",
            "Write one line yourself first, and ask how to make it better.",
        ],
    ],
    repeated: &[
        "“{quote}” is the same question as before. Say which part of the answer is clear and which is not, and you will get something new.",
        "You sent “{quote}” again. Point at the part of the answer that left you unsure.",
    ],
    rewrite,
    about: &[
        "I am curious about ___ in {it}. Please tell me the two most important points.",
        "I already know ___ about {it}. But why is ___ so?",
        "Please explain ___ about {it} so that I can tell a friend in one minute.",
        "How do {it} and ___ affect each other? Please give me one example.",
    ],
    bridge,
    forms: &[
        "What could I change to bring ___ into my own {it}?",
        "What are two ways to make {it} feel ___? Please give an example of each.",
        "I want to make two versions of {it} and compare them. What should I look at besides ___?",
    ],
    more: &[
        "In your last answer, “___” makes me curious. Please give one example.",
        "Why is ___ so, which you said in your last answer?",
        "What else must I know to explain your last answer to ___?",
    ],
    join: &[
        "How is ___, which I like, connected with {topic}? Please give one example.",
        "While doing ___, what might one begin to wonder about {topic}?",
        "If I look at ___ with the eyes of {topic}, what new things can I see?",
    ],
    hints: &[
        "I was working on ___ and got stuck at ___. Please give me one hint for the next step, not the answer.",
        "My first sentence is: ___. What could I change to make it better?",
        "I am working on a task about {topic}. What should I look up first, and what after that?",
        "My answer is ___ because ___. Did I miss anything?",
    ],
    stock_questions,
    titles: ["What went well", "What to improve", "Next step", "Questions to try"],
};

fn praise(id: DimId) -> Phrasings {
    match id {
        DimId::Relevance => &[
            "With “{quote}” you are right on the topic, so the talk can start at once.",
            "You chose “{quote}” and stayed with the topic. Good.",
            "“{quote}” shows what you want to find out about.",
        ],
        DimId::Clarity => &[
            "Thanks to “{quote}”, one can tell at once what you are asking.",
            "“{quote}” makes your question clear.",
            "“{quote}” shows plainly what you want to know.",
        ],
        DimId::Context => &[
            "“{quote}” tells about your situation, and that makes a fitting answer easier.",
            "It is good that you put something of your own in: “{quote}”.",
            "By writing “{quote}” first you show where help should start.",
        ],
        DimId::Goal => &[
            "“{quote}” shows what kind of answer you want.",
            "Saying “{quote}” was a good idea: it names the answer you hope for.",
            "Thanks to “{quote}”, the shape of a good answer is plain.",
        ],
        DimId::Structure => &[
            "“{quote}” shows that you put your thoughts in order.",
            "You divided your question well, as in “{quote}”, and that makes it easy to follow.",
            "From “{quote}” on there is an order, and it reads well.",
        ],
        DimId::Followup => &[
            "“{quote}” shows that you thought on from the answer before.",
            "With “{quote}” you did not simply take what you were told. Very good.",
            "“{quote}” takes the talk one step further.",
        ],
    }
}

fn also(id: DimId) -> &'static str {
    match id {
        DimId::Relevance => "Picking “{quote}” out of the topic is good too.",
        DimId::Clarity => "“{quote}” is clear as well.",
        DimId::Context => "Telling me “{quote}” helps as well.",
        DimId::Goal => "“{quote}” shows the answer you hope for, too.",
        DimId::Structure => "There is an order in “{quote}”, too.",
        DimId::Followup => "“{quote}” ties it to the answer before.",
    }
}

fn improve(id: DimId, finer: bool) -> Phrasings {
    match (id, finer) {
        (DimId::Relevance, false) => &[
            "“{quote}” is very wide. Point at one place where it meets {topic}.",
            "One bridge from “{quote}” over to {topic} would make this deeper.",
        ],
        (DimId::Relevance, true) => &[
            "Say which side of “{quote}” you want to look at, and the answer can go deeper.",
            "Choose the part of “{quote}” you are most curious about.",
        ],
        (DimId::Clarity, false) => &[
            "“{quote}” can be read in several ways. Choose the one thing you want to know.",
            "Add “what”, “why” or “how” to “{quote}” and it becomes much clearer.",
            "From “{quote}” alone it is hard to see how far an answer should go. Set one limit.",
        ],
        (DimId::Clarity, true) => &[
            "Add a limit to “{quote}”, such as how many or for whom, and the answer becomes clearer still.",
            "How far should the answer to “{quote}” go? Set one condition.",
        ],
        (DimId::Goal, false) => &[
            "Add to “{quote}” what kind of answer you want: reasons, an example, a comparison.",
            "Say what you will use the answer to “{quote}” for, and it will fit you better.",
            "The shape of the answer is still open. Say before or after “{quote}” where you will use it.",
        ],
        (DimId::Goal, true) => &[
            "You have said “{quote}”; now add what you will use the answer for.",
            "If you say beside “{quote}” where you will use the answer, its length and tone will fit too.",
        ],
        (DimId::Context, false) => &[
            "What made you ask “{quote}”? Add one sentence about what you saw or know.",
            "Put something you know or lived through before “{quote}”, and the answer comes closer to you.",
            "One line about your situation beside “{quote}” would bring a more useful answer.",
        ],
        (DimId::Context, true) => &[
            "Beside “{quote}”, add something you tried or a limit you have.",
            "With “{quote}” said, one line about what you already know spares you hearing it again.",
        ],
        (DimId::Structure, false) => &[
            "Divide “{quote}” into two smaller questions and put them in order.",
            "What must be known first in “{quote}”, and what after that? Then the answer will be tidy too.",
        ],
        (DimId::Structure, true) => &[
            "Say how the parts around “{quote}” belong together: a comparison, or cause and effect?",
            "Join the parts with “first” and “then”, and what follows “{quote}” will read more smoothly.",
        ],
        (DimId::Followup, false) => &[
            "Put one word from the answer before beside “{quote}”, so that one sees which part you mean.",
            "Choose something in the answer before that made you pause, and join it to “{quote}”.",
        ],
        (DimId::Followup, true) => &[
            "You went on from the answer with “{quote}”; now test it with an example.",
            "One step beyond “{quote}”: think of a case that the answer does not fit.",
        ],
    }
}

fn next(id: DimId) -> Phrasings {
    match id {
        DimId::Relevance => &[
            "Fill in the ___ of the first question below to come closer to the topic.",
            "Think of the one scene in the topic you find most curious, and ask from there.",
        ],
        DimId::Clarity => &[
            "Put the one thing you wonder about most into the ___ of the first question below.",
            "Keep only the one thing you most want to know, and write it again.",
        ],
        DimId::Goal => &[
            "Decide who the answer is for and when, and add that in one sentence.",
            "Write what or whom it is for into the ___ of the first question below and send it.",
        ],
        DimId::Context => &[
            "First write one thing you know, then ask.",
            "Put something you saw or know into the ___ of the first question below.",
        ],
        DimId::Structure => {
            &["Ask in two parts, with “first” and “then”.", "Choose two things to compare and ask what is different."]
        }
        DimId::Followup => &[
            "Pick one sentence of the answer and ask: is that really so?",
            "Test the answer before with “what if ___”.",
        ],
    }
}

fn rewrite(id: DimId) -> Phrasings {
    match id {
        DimId::Relevance => &["{q} I am curious about one side of it: ___.", "{q} How does it look to ___?"],
        DimId::Clarity => {
            &["{q} Please keep to ___.", "{q} The two most important points are enough; I would like ___ first."]
        }
        DimId::Goal => &[
            "I want to use this for ___. {q}",
            "{q} I would like to explain it to ___ in one minute.",
            "{q} I want to use it in my talk on ___.",
        ],
        DimId::Context => {
            &["I already know that ___. {q}", "This is what happened to me: ___. {q}", "A while ago I saw ___. {q}"]
        }
        DimId::Structure => &[
            "{q} Please tell me first about ___ and then about ___.",
            "{q} Please compare it with ___ as well.",
            "{q} Please divide it into causes and effects, with ___ as an example.",
        ],
        DimId::Followup => &[
            "In your last answer, “___” stayed in my mind. {q}",
            "What if ___? How would your last answer change?",
            "Is there an example that does not fit your last answer? I am thinking of ___.",
        ],
    }
}

fn bridge(preset: Option<Preset>) -> Phrasings {
    match preset {
        Some(Preset::Society) => &[
            "Among the problems around {it}, how does ___ affect our neighbourhood, and why?",
            "What two things could our class do about {it}? The easier one first, with reasons, please.",
            "Please compare what ___ and ___ think about {it}.",
        ],
        Some(Preset::Science) => &[
            "Which scientific principle explains ___ in {it}?",
            "Please tell me one safe experiment about {it} that I can do at home: what I need, then the steps.",
            "If I change ___ in {it}, what will be different, and how can I check it?",
        ],
        Some(Preset::History) => &[
            "How do people of today and people at the time of ___ think differently about {it}?",
            "Which old records or finds tell us about {it}? Two are enough.",
            "How did {it} change people's lives, seen with the eyes of ___?",
        ],
        Some(Preset::Literature) => &[
            "I want to write a story about {it}. If my hero longs for ___, how could the first scene begin?",
            "If I compare the feeling of {it} to ___ in two lines, which words would fit?",
            "Which two characters should meet to make a conflict about {it}, and why?",
        ],
        Some(Preset::Technology) => &[
            "How will {it} change in ten years because of ___? Please divide it into hopes and worries.",
            "Which technology makes {it} possible, and in which steps does it work?",
            "If people my age made rules about {it}, what should there be besides ___?",
        ],
        Some(Preset::Arts) => &[
            "What feeling does ___ in {it} give to people? Please explain with an example.",
            "If I compare {it} with ___, what is alike and what is different?",
            "Which thoughts did people put into {it}? Please take ___ as an example.",
        ],
        None => &[
            "How do {it} and {topic} meet in ___?",
            "What are the first three things to know about {it}, in order?",
            "If I compare {it} with ___, what is different?",
        ],
    }
}

fn stock_questions(preset: Option<Preset>) -> Phrasings {
    match preset {
        Some(Preset::Society) => &[
            "At our school ___ is a trouble. What are two ways to change it without money?",
            "Why is so much food left over at lunch? Please divide the causes into two.",
            "Please compare what people for and against ___ think.",
            "To make the crossing near us safer, whom should we ask, and how?",
            "For a park that children and old people share, what must be decided first, and what after that?",
        ],
        Some(Preset::Science) => &[
            "I saw ___ and began to wonder. Why does that happen? Please explain with an example.",
            "To test ___ with things I have at home, what must stay the same and what must change?",
            "Why are shadows longer in winter than in summer? Please explain so that a younger child understands.",
            "Which freezes first, salt water or plain water? In which steps could I find out?",
            "___ and ___ look alike. What is the difference to a scientist?",
        ],
        Some(Preset::History) => &[
            "How did people my age spend a day in the time of ___? Please name two differences from today.",
            "Please give one example of an event that two countries recorded differently, and say why.",
            "If ___ had not happened, how would history have gone on? Please give reasons.",
            "What should I look up first to study the history of an old place near my home?",
            "How did people send news long ago? Please tell me three ways, the fastest first.",
        ],
        Some(Preset::Literature) => &[
            "I want to write about a hero who is afraid of ___. Where should the first scene begin?",
            "To show a classroom on a rainy day by sounds and smells, what should I look out for?",
            "My sentence is: ___. What are two ways to make it more vivid?",
            "Two friends quarrel and make up. In which order should I show how their feelings change?",
            "Which comparison would fit a four-line poem about ___?",
        ],
        Some(Preset::Technology) => &[
            "If artificial intelligence helped with ___, what would be good and what would worry you?",
            "If a robot came to our classroom, how should it share the work with the teacher? Two ideas, please.",
            "I want to invent something that makes ___ easier. What should I look up first?",
            "How does a smartphone know where I am? Please explain step by step.",
            "Please choose one job that may exist in ten years and say why it is needed. I am interested in ___.",
        ],
        Some(Preset::Arts) => &[
            "When I saw ___ I felt ___. What may have made me feel so?",
            "Why does the same song feel different at another speed? Please explain with an example.",
            "Please compare the holidays of Korea and ___: first the food, then the clothes.",
            "To show sadness by colours alone, which colours should I mix? Two ideas, please.",
            "If I introduce ___ to a friend in one minute, what must I not leave out?",
        ],
        None => &[
            "In {topic}, what I wonder about most is ___. Please tell me why it is so.",
            "What are the first three things a beginner should know about {topic}, in order?",
            "If I compare {topic} with ___, what is alike and what is different?",
            "What do people often get wrong about {topic}? Please give one example.",
            "I already know ___ about {topic}. What should I find out next?",
        ],
    }
}
