use proptest::prelude::*;

use super::*;

/// What a reader has in the end when the text comes in pieces that end at these places.
fn by_pieces(text: &str, at: &[usize]) -> String {
    let mut filter = ThinkFilter::default();
    let mut shown = String::new();
    let mut from = 0;
    let mut take = |piece: FilteredText| {
        if piece.withdrawn {
            shown.clear();
        }
        shown.push_str(&piece.text);
    };
    for &to in at.iter().chain([&text.len()]) {
        take(filter.push(&text[from..to]));
        from = to;
    }
    take(filter.finish());
    shown
}

/// Checks the outcome for the text as a whole, letter by letter, and in any two or three pieces.
fn check(text: &str, kept: &str) {
    let marks: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    assert_eq!(by_pieces(text, &[]), kept, "{text}");
    assert_eq!(without_thoughts(text), kept, "{text}");
    assert_eq!(by_pieces(text, &marks), kept, "{text}: one letter at a time");
    for &a in &marks {
        for &b in marks.iter().filter(|&&b| b >= a) {
            assert_eq!(by_pieces(text, &[a, b]), kept, "{text}: split at {a} and {b}");
        }
    }
}

#[test]
fn thoughts_at_the_start_are_left_out_however_they_are_split() {
    for (text, kept) in [
        ("\u{feff}<think>음</think>답", "답"),
        ("<think>음</ think>답", "답"),
        ("<think>음</think\n>답", "답"),
        ("<think\ntype=\"deep\"\nlevel=2>음</\nthink>답", "답"),
        ("<think>음</ think\nid='a'>답", "답"),
        ("<think>음… <b> </thin 아니\n</think>\n\n빛은 파동이에요.", "빛은 파동이에요."),
        ("\n<think></think>네", "네"),
        ("<think>끝이 없다", ""),
        ("<thin air", "<thin air"),
        ("<", "<"),
        ("  <p>", "  <p>"),
        ("\n\n그냥 글", "\n\n그냥 글"),
        ("앞 <think>가운데</think> 뒤", "앞 <think>가운데</think> 뒤"),
        ("<think>하나</think><think>둘</think>", ""),
        ("<think>하나</think>\n<think>둘</think>\n답", "답"),
        ("<think>하나</think>답 <think>둘</think>끝", "답 끝"),
        (" \n ", ""),
        ("<thinking>음</thinking>답", "답"),
        ("<Thought>음</Thought>답", "답"),
        ("<reasoning>음</reasoning>\n답", "답"),
        ("[THINK]음[/THINK]답", "답"),
        ("<seed:think>음<seed:cot_budget_reflect>16</seed:cot_budget_reflect>더</seed:think>답", "답"),
        ("◁think▷음◁/think▷답", "답"),
        ("<|begin_of_thought|>음<|end_of_thought|><|begin_of_solution|>답<|end_of_solution|>", "답"),
        ("<think>음</thinking>답", "답"),
        ("<think/>답", "답"),
        ("<think type=\"very deep\" n=1>음</think>답", "답"),
        ("<think a='b' />답", "답"),
        ("<think>이 문제는 쉽다</think>답", "답"),
        ("<think>은하를 물었다</think>과학은 재미있어요", "과학은 재미있어요"),
        ("</s>답", "답"),
        ("</s>\n은하는 별의 모임이에요.", "은하는 별의 모임이에요."),
        ("<think />\n\n답", "답"),
        ("<unused94>thought\n음<unused95>답<unused2>", "답"),
        ("<think>`</think>`로 닫자</think>답", "답"),
        ("<think>`x`</think>답", "답"),
        ("<think>```\n코드</think>답", "답"),
        ("<think>음</think>\n\n<answer>답</answer>\n", "답"),
    ] {
        check(text, kept);
    }
}

#[test]
fn thoughts_without_a_beginning_are_withdrawn() {
    for (text, kept) in [
        ("음, 생각해 보자.\n</think>\n\n답이에요.", "답이에요."),
        ("음</think>답", "답"),
        ("</think>답", "답"),
        ("</think>\n\n답", "답"),
        ("음</think>아니</think>답", "답"),
        ("음</think>", ""),
        ("<think>음</think>답</think>", "답"),
        ("<think>음</think>답</think>\n", "답"),
        ("<think>음</think>아니</think>답", "답"),
        ("음◁/think▷답", "답"),
        ("음[/THINK]답", "답"),
        ("음</seed:think>답", "답"),
        ("```\n열린 코드\n</think>\n답", "답"),
        ("{\"초안\": \"가\"}</think>{\"a\": \"</think>\"}", "{\"a\": \"</think>\"}"),
    ] {
        check(text, kept);
    }
}

#[test]
fn channels_but_the_last_are_left_out() {
    for (text, kept) in [
        (
            "<|channel|>analysis<|message|>The user<|end|><|start|>assistant<|channel|>final<|message|>답<|return|>",
            "답",
        ),
        ("<|start|>assistant<|channel|>final<|message|>답", "답"),
        ("analysisThe user asks.assistantfinal답", "답"),
        ("analysis사용자가 물었다.assistantfinal답", "답"),
        ("analysisWe think.assistantcommentaryTool?assistantfinal답", "답"),
        ("analysisNo end", ""),
        ("assistantfinal답", "답"),
        ("analysis는 분석이라는 뜻이에요.", "analysis는 분석이라는 뜻이에요."),
        ("analysis of data", "analysis of data"),
        ("<|channel>thought\n음<channel|>답", "답"),
        ("<|channel|>commentary to=x<|message|>음<|end|>답", "답"),
    ] {
        check(text, kept);
    }
}

#[test]
fn control_words_are_dropped() {
    for (text, kept) in [
        ("답이에요.<|im_end|>", "답이에요."),
        ("답<|im_end|>\n", "답"),
        ("답<|eot_id|>", "답"),
        ("답</s>", "답"),
        ("답<|endoftext|>", "답"),
        ("답<end_of_turn>\n<eos>", "답"),
        ("답 [/INST]", "답 "),
        ("답</s>[INST] 다음?", "답"),
        ("답<|im_end|>\n<|im_start|>user\n또?<|im_end|>", "답"),
        ("답<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n또?", "답"),
        ("답<|user|>또?", "답"),
        ("답<｜end▁of▁sentence｜><｜User｜>또?", "답"),
        ("<|im_start|>assistant\n답", "답"),
        ("<|start_header_id|>assistant<|end_header_id|>\n\n답", "답"),
        ("<start_of_turn>model\n답<end_of_turn>", "답"),
        ("assistant\n\n답", "답"),
        ("model\n답", "답"),
        ("<s> 답</s>", "답"),
        ("<|im_start|>assistant\n<think>\n음\n</think>\n\n답<|im_end|>", "답"),
        ("<|start|>안녕하세요", "안녕하세요"),
        ("[|assistant|]답[|endofturn|]", "답"),
        ("답<|a_word_nobody_knows_yet|>", "답"),
    ] {
        check(text, kept);
    }
}

#[test]
fn text_about_tags_is_kept() {
    for text in [
        "`<think>` 태그는 생각을 적고 `</think>`로 닫아요.",
        "The tag <think> opens and </think> closes.",
        "```html\n<think>\n</think>\n<s>\n```\n이렇게 써요.",
        "`<|im_end|>`는 끝을 뜻해요.",
        "<b>굵게</b> <s>취소</s>".trim_start_matches('x'),
        "가 <s>취소</s> 나",
        "F#에는 `<|` 연산자가 있어요. a <| b",
        "assistants are helpful. assistant and model",
        "model 1\n답",
        "a < b 그리고 c > d, 2 <3",
        "[숙제] [1] [링크](https://example.com) [DNA] 이중나선",
        "[THINKING] 제목이 아니라 [Think] 예",
        "<보기> 중에서 고르세요.",
        "{\"a\": \"<think>가</think>\"}",
        "~~취소~~ 그리고 ``코드``",
        "태그 <answer>는 답",
    ] {
        // Only the first letter decides what stands in front.
        let text = format!("말: {text}");
        check(&text, &text);
    }
    for text in [
        "</s>는 취소선을 닫는 태그예요.",
        "<s>와 </s>는 취소선이에요.",
        "</s> 태그는 글의 끝을 뜻해요.",
        "</s> is the end of a text.",
        "<think>는 생각을 여는 태그이고 </think>는 닫는 태그예요.",
        "</think>라는 말이 보이면 모델의 생각이 끝난 거예요.",
        "<thinking cap>은 ‘생각하는 모자’라는 뜻이에요.",
        "<Thinking fast and slow>\n대니얼 카너먼이 쓴 책이에요.",
        "<사고 실험>은 머릿속으로 하는 실험이에요.",
        "<사고\n실험>.<s></s>",
        "<사고\n실험>은 머릿속으로 하는 실험이에요.",
        "<추론\n게임\n규칙>이에요.",
        "먼저 말해요.\n</ 생각 하기> 그리고",
        "먼저 말해요.\n</\n생각 하기> 그리고",
        "먼저 말해요.\n</ think different> 그리고",
        "<추론 게임> 규칙을 알려 줄게요.",
        "<생각>은 시의 제목이에요.",
        "<생각의 탄생>\n\n책이에요.",
        "<reasoning skills>: 이유를 대는 힘",
        "<think hard about it>",
        "<think a='b' c>",
        "첫 줄\n<think>는 태그예요.",
    ] {
        check(text, text);
    }
    let json = "{\"evidence\": \"학생이 </think> 라고 적음\", \"b\": \"<|im_end|>\"}";
    check(json, json);
}

#[test]
fn ordinary_text_is_never_held_back() {
    let mut filter = ThinkFilter::default();
    for text in ["안", " 2 < 3", " 그래요", "<b>", "[숙제]"] {
        assert_eq!(filter.push(text).text, text);
    }
}

#[test]
fn names_in_plain_brackets_are_text_in_the_middle_of_prose() {
    for text in [
        "BERT는 [PAD]와 [UNK] 토큰을 써요.",
        "길이가 다르면 [PAD] 토큰으로 채워요.",
        "문장 끝에는 [EOS] 표시가 있어요.",
        "모르는 낱말은 <unk> 로 바뀌고 빈칸은 <pad> 로 채워요.",
        "T5는 <extra_id_0> 자리를 채워요.",
        "HTML에서 </s> 는 취소선을 닫아요.",
        "Llama는 [INST] 와 [/INST] 사이에 질문을 넣어요.",
        "Gemma는 <end_of_turn> 으로 차례를 끝내요.",
        "[PAD]는 빈칸을 채우는 토큰이에요.",
        "<unk>은 모르는 낱말이에요.",
    ] {
        check(text, text);
    }
    for (text, kept) in [
        ("답[PAD][PAD]\n[PAD]", "답"),
        ("[PAD][PAD]답", "답"),
        ("답<eos><|im_end|>", "답"),
        ("답<|im_end|>[PAD]", "답"),
        ("답</s><|im_start|>user\n또?", "답"),
        ("답 <unk>", "답 "),
    ] {
        check(text, kept);
    }
}

#[test]
fn an_answer_that_begins_with_a_name_in_code_is_kept() {
    for text in [
        "analysisResult = 3 이라고 써요.",
        "analysisResult=3",
        "analysisData.map(x)",
        "analysisTool() 함수는 값을 돌려줘요.",
        "analysisResult는 변수 이름이에요.",
    ] {
        check(text, text);
    }
    check("analysisResult = 3? They ask.assistantfinal답", "답");
}

#[test]
fn calls_of_tools_are_left_out() {
    for (text, kept) in [
        ("<tool_call>{\"name\": \"search\"}</tool_call>", ""),
        ("찾아볼게요.\n<tool_call>\n{\"name\": \"a\", \"x\": \"<b>\"}\n</tool_call>\n끝", "찾아볼게요.\n\n끝"),
        ("<tool_call><function=add>\n1</function></tool_call>답", "답"),
        ("<tool_call>{\"name\": \"a\"", ""),
        ("[TOOL_CALLS][{\"name\": \"a]\", \"arguments\": {\"x\": [1]}}]답", "답"),
        ("[TOOL_CALLS] [{\"name\": \"a\\\"]\"}]", ""),
    ] {
        check(text, kept);
    }
    for text in [
        "`<tool_call>{\"a\": 1}</tool_call>` 처럼 써요.",
        "말: <tool_call> 태그는 도구를 불러요. </tool_call> 로 닫아요.",
        "말: [TOOL_CALLS] 다음에 목록이 와요.",
        "```\n<tool_call>{\"a\": 1}</tool_call>\n```",
        "말: <tool_call>",
    ] {
        check(text, text);
    }
}

proptest! {
    #[test]
    fn the_answer_is_the_same_however_it_is_split(
        parts in prop::collection::vec(prop::sample::select(vec![
            "<think>", "</think>", "<thinking>", "[THINK]", "[/THINK]", "◁think▷", "◁/think▷", "<|channel|>", "analysis",
            "final", "<|message|>", "<|end|>", "<|start|>", "assistant", "assistantfinal", "<|im_end|>", "<|im_start|>",
            "user", "</s>", "<s>", "[INST]", "[/INST]", "`", "```", "\n", "\n\n", " ", "답", "The", "<b>", "<", "[", "{",
            "\"", "\\", "~~~", "<answer>", "</answer>", "<seed:think>", "a", "model\n", "|>", ">",
            "[PAD]", "<unk>", "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "}", "]", "analysisR", "=", "(", ".",
        ]), 0..14),
        at in prop::collection::vec(0_usize..200, 0..6),
    ) {
        let text = parts.concat();
        let mut at: Vec<usize> = at.into_iter().map(|at| text.floor_char_boundary(at.min(text.len()))).collect();
        at.sort_unstable();
        let marks: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        prop_assert_eq!(by_pieces(&text, &at), without_thoughts(&text));
        prop_assert_eq!(by_pieces(&text, &marks), without_thoughts(&text));
    }

    #[test]
    fn any_text_is_read_alike_in_pieces(text in "\\PC{0,60}", at in 0_usize..60) {
        let at = text.floor_char_boundary(at.min(text.len()));
        prop_assert_eq!(by_pieces(&text, &[at]), without_thoughts(&text));
    }
}
