//! Phrases that several dimensions look for: questions, requests, knowledge and wishes.

use korean::words::Word;

/// Declares lists of phrases, each parsed once.
macro_rules! phrases {
    ($($(#[$doc:meta])* $name:ident = $list:expr;)+) => {$(
        $(#[$doc])*
        pub(super) static $name: std::sync::LazyLock<korean::Phrases> =
            std::sync::LazyLock::new(|| korean::Phrases::new($list));
    )+};
}
pub(super) use phrases;

phrases! {
    /// Question words.
    QUESTION = "^왜|은왜|는왜|이왜|가왜|도왜|!왜구|!왜란|!왜곡|!왜군|!왜적|어떻게|어떡|어떤|어떨|무엇|^뭐|뭐가|뭐를|뭐예|뭐야|뭔|^뭘|무슨|어디|언제|누구|누가|얼마|^몇|어느|why|how|what|what's|when|where|who|whom|whose|which";
    /// Verb forms of questions and requests.
    ASK = "까요|나요|!가 나요|!이 나요|인가요|은가요|건가요|는가|을까|볼까|할까|일까|길까|법 좀|추천좀|추천 좀|나은지|좋을지|되나|하나요|예요?|이에요?|어때|배움|뭐임|알려|설명해 주|설명해 줘|설명해줘|설명해주|설명해 줄|설명 좀|설명 부탁|말해 줘|말해줘|말해 주|가르쳐|써 줘|써줘|써 주|만들어 줘|만들어줘|만들어 주|보여 줘|보여줘|보여 주|해 줘|해줘|해 주세요|해주세요|해 주시|들어 줘|들어줘|나눠 주|나눠 줘|나누어 주|추천|골라|찾아 줘|찾아줘|찾아 주|도와|부탁|줄래|줘$|줘요$|주라$|줄 수 있|주실 수|주실|는 법$|ㄱㄱ|찬반 의견|좀 더 쉽게|더 쉽게|짧게||주세요|궁금|알고 싶|계속|더 자세히|찬성 반대|다른 설명|다른 거|할래|tell me|explain|describe|show|give me|help|write|compare|list|recommend|suggest|could you|can you|can i|can we|should i|should we|do you|does|did|is it|is that|are there|is there|i wonder|i want to know|please|do my|continue|go on|more";
    /// A wish that is half a question.
    WISH = "싶어|싶다|싶은데|고파|i want|i wish|i'd like";
    /// A request for the finished work.
    FINISHED_WORK = "답만|정답만|정답 알려|답 알려|답 다 알려|시험 답|숙제 답|숙제 해|숙제 좀 해|숙제해|대신 써|대신 해|나 대신|저 대신|대신 완성|대신 만들|대신 풀|숙제임|다 써 줘|다 써줘|풀어 줘|풀어줘|do my homework|my homework for me|just the answer*|the answer to|answers to|write my essay|write it for me|do it for me";
    /// Greetings.
    HELLO = "안녕|안뇽|반가|하이$|하이루|헬로|ㅎㅇ|ㅎ2|처음 뵙|hi|hello|hey|good morning|good afternoon|nice to meet you";
    /// Thanks and farewells.
    THANKS = "고마워|고맙|감사|땡큐|ㄱㅅ|ㄳ|thanks|thank you|thx|ty|잘 가|안녕히|bye";
    /// "More of the same".
    MORE = "더 쉽게|더 짧게|좀 더|^더 알려|^더 자세|^더 말해|^더$|^더요|더 해 줘|더 설명|^계속|계속해|다른 거|다른 설명|^또$|또 있|그리고요|이어서 해|more|tell me more|go on|continue|another|keep going|what else|anything else";
    /// References to the previous exchange.
    REFERENCE = "아까|방금|^그럼|^그러면|그렇다면|^그런데|^근데|그래서|그 말|그 답|말한|말씀|했는데|라고 했|다고 했|#번째 방법|#번째|두 번째|첫 번째|세 번째|위에서|앞에서|그게|그건|그중|그 중|이 중|거기|그것|you said|you mentioned|you just|earlier|above|then|that|those|the first one|the second|in that case|so|but";
    /// Doubt, contrast and application of the previous answer.
    CHALLENGE = "정말|진짜|이상해|이상한|아니지 않|아닌가|아니에요|않을까|않나|틀린|틀리|반대로|오히려|만약|만일|라면 어|봐도|해도 |라도 |반박|동의하지|이라면|대로라면|그럼에도|하지만|던데|인데도|잖아|비교|반면|예외|똑같|같은 이유|그래도|해 보려|해보려|해 보면|적용|그러면|우리 집|우리 반에서|어떻게 돼|어떻게 되|really|true|but|however|what if|if it|if that|don't agree|not sure|doubt|disagree|wrong|on the other hand|instead|compared|what about|same reason|apply|exception*";
}

phrases! {
    STOP = "^왜|!왜구|!왜란|!왜곡|!왜군|!왜적|어떻게|어떤|무엇|뭐|뭔|뭘|무슨|어디|언제|누구|누가|얼마나|얼마|^몇|어느|알려|설명|말해|가르쳐|주세요|줘$|줄래|해줘|해주|써줘|싶어|싶은|궁금|좀$|^더$|자세히|자꾸|너무|정말|진짜|그리고|그런데|근데|그럼|그러면|그래서|하지만|아까|방금|^저는$|^제가$|^나는$|^내가$|^저$|^나$|^제$|^내$|^우리$|이거|그거|저거|이것|그것|그게|그건|^것|^거$|^수$|^때$|^줄$|^점$|^등$|^좀|^잘$|^안$|^못$|^다$|^또$|^만$|^걸$|있어|있는|있나|있을|없어|없는|해요|하나요|한다|하는|하면|해야|하려고|했는데|했어|되나|되는|돼요|대해|관해|대한|관한|방법|^법$|^예$|이유|같아|같은|많아|많이|계속|the|a|an|of|to|in|on|at|for|and|or|is|are|was|were|be|been|do|does|did|it|its|this|that|these|those|i|i'm|i've|me|my|you|your|we|our|they|their|he|she|his|her|what|why|how|when|where|who|which|can|could|should|would|will|please|tell|explain|give|show|so|if|then|than|as|with|from|by|about|just|not|but|there|have|has|had|more|all|one|us";
}

/// Whether a word carries meaning of its own.
pub(super) fn is_content(word: &Word<'_>) -> bool {
    // Where a student leaves out the spaces, a whole sentence is one word, and carries meaning.
    if word.written.chars().count() > 9 {
        return true;
    }
    let text = korean::Text::new(word.written);
    word.written.chars().any(|c| c.is_alphabetic() && !korean::text::is_jamo(c)) && !STOP.is_in(&text)
}
