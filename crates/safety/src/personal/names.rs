//! Names that the writer gives as their own, or as those of the people around them.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{PersonalKind, View, pattern};

/// The most frequent surnames of the Korean census of 2015, and the double ones.
const SURNAMES: &str = "김이박최정강조윤장임한오서신권황안송류유전홍고문양손배백허남심노하곽성차주우구민나진지엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용예경봉사부";
const DOUBLE_SURNAMES: [&str; 8] = ["남궁", "황보", "제갈", "선우", "독고", "사공", "서문", "동방"];

/// Syllables with which given names begin.
const FIRST: &str = "가강건경광교국규근기길나남노누다단담대덕도동두라래려로루리린마만명무문미민바범별병보복봉사상새서석선설성세소솔송수순숙슬승시신아안애양여연영예오옥완용우원유윤율은을음의이인일자재정제조종주준중지진찬창채천철청초춘충치태하한해향헌혁현형혜호홍화환효후휘희";
/// Syllables with which given names end.
const LAST: &str = "늘솔별봄슬샘빛들랑울겨새힘벼다강건결경겸관광구국권규균근금기길나남녀님단담대덕도돈동라란람래령례로록루류름리린림마만명모목무묵문미민배백범별병보복봉빈빛사산삼상샘서석선섭성세소솔송수숙순슬승시식신실아안애양언엘연열영예오옥온완용우욱운웅원월유윤율은음익인일임자재전정제조종주준중지진찬창채천철청초춘태택표품필하학한해향헌혁현협형혜호홍환황회효후훈휘희";

/// How a name is given. The name is the first group; what stands after it is looked at apart.
static GIVEN: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // 제 이름은 …, 동생 이름은 …
        r"(?:^|[^가-힣])(?:제|내|저의|나의|저희|우리|본인|제 ?본명|동생|형|오빠|누나|언니|엄마|아빠|어머니|아버지|할머니|할아버지|이모|삼촌|고모|짝꿍|짝|친구|담임|선생님|여자친구|남자친구|여친|남친)(?:의|들)? ?(?:[가-힣]{1,3}(?:의)? )?(?:이름|성함|본명|실명)(?:은|이|:|이고)? ?:? ?([가-힣]{2,8})",
        r"(?:^|[ \n,(])(?:이름|성명|성함|학생명|글쓴이|작성자|지은이|발표자|닉네임 말고 이름)(?:은| ?:| ?=|) ?([가-힣]{2,8})",
        // 저는 …이에요
        r"(?:^|[^가-힣])(?:저는|나는|전|난|저|나|얘는|쟤는) (?:[가-힣]{1,8}(?:에 다니는|에 사는|사는|다니는) |(?:[가-힣]{0,8}학교 )?\d ?학년 ?(?:\d{1,2} ?반 ?)?(?:\d{1,2} ?번 ?)?|\d{1,2}살 |\[[^\]]{1,8}\] ?)?([가-힣]{2,8})",
        // 3학년 2반 김민수, 20315 김민수
        r"(?:\d ?학년 ?\d{1,2} ?반|\d{1,2} ?반|[1-6]-\d{1,2}|[1-3][01]\d[0-4]\d)(?: ?\d{1,2} ?번)?,? ?(?:에 |의 |에 다니는 |사는 )?([가-힣]{2,8})",
        // 김민수라고 합니다, 김민수라고 불러 주세요
        r"(?:^|[ ,.(])([가-힣]{2,6}(?:이?라고) ?(?:합니다|해요|해$|불러|부르|한다|함|하는))",
        // 안녕하세요 김민수입니다
        r"(?:안녕하세요|안녕|하이|반가워요|반갑습니다)[,.!~ ]{1,3}(?:저는 |전 |나는 |난 )?([가-힣]{2,6})",
        // 제 친구 채유나가
        r"(?:^|[^가-힣])(?:제|내|우리|저희) ?(?:반 )?(?:친구|동생|언니|오빠|누나|형|짝꿍|선배|후배|담임|담임 선생님|반장) ([가-힣]{3,8})",
        r"([가-힣]{2,6})(?: ?올림| ?드림)(?:$|[ .!\n])",
    ]
    .into_iter()
    .map(pattern)
    .collect()
});
static ENGLISH: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?:my name is|my name's|my full name is|call me|i am called|name: ) ?([a-z][a-z'\-]+(?: [a-z][a-z'\-]+){0,2})",
    )
});

/// Forms of `to be` and of naming, after a name.
const ENDINGS: [&str; 42] = [
    "입니다",
    "이에요",
    "예요",
    "에요",
    "이예요",
    "이야",
    "야",
    "임",
    "이고",
    "고",
    "이고요",
    "인데",
    "인데요",
    "이라고",
    "라고",
    "이라는",
    "라는",
    "이라",
    "라",
    "이요",
    "요",
    "이라서",
    "라서",
    "이랑",
    "이거든",
    "거든",
    "이죠",
    "죠",
    "이지",
    "지",
    "이며",
    "며",
    "이다",
    "다",
    "학생",
    "임다",
    "입니당",
    "이에용",
    "예용",
    "이네",
    "네",
    "이란",
];
/// Particles that may follow a name where the words before say that one comes.
const PARTICLES: [&str; 12] = ["", "이", "가", "은", "는", "을", "를", "의", "한테", "도", "와", "과"];

/// Further particles, which follow places and things.
const ADVERBIAL: [&str; 10] = ["로", "으로", "에", "에서", "에게", "부터", "까지", "만", "처럼", "보다"];

/// The given names of most children born from 2006 to 2016, which may stand without a surname.
const FREQUENT: &str = " 민준 서준 예준 도윤 시우 주원 하준 지호 지후 준우 준서 도현 건우 우진 현우 선우 지훈 서진 유준 연우 민재 은우 정우 승우 승현 시윤 준혁 지환 윤우 승민 지우 유찬 준영 시후 진우 수호 지원 수현 재윤 시현 동현 태윤 민성 이준 로운 재원 한결 윤호 지한 민규 성민 현준 민혁 은찬 준호 시원 은호 성현 우빈 태민 서우 예성 하진 도훈 태현 지율 재민 찬우 승준 하율 민우 \
서연 서윤 서현 민서 하은 하윤 윤서 지유 지민 채원 수아 지아 은서 다은 예은 수빈 지안 소율 예린 지윤 시은 예원 유나 채은 윤아 유진 예나 시아 아린 가은 서영 민지 수민 수연 유빈 예진 아인 나은 채윤 소윤 하린 서아 다인 주아 유주 혜원 세아 소은 나연 다연 서율 하영 현서 지현 규리 태희 은채 채아 수진 다현 아영 보민 소민 지은 혜인 세은 민아 ";

/// Words that look like a surname and a given name.
const WORDS: &str = " 정말 정도 이과 문과 고민 고등학생 고등 고학년 유학생 신입생 전학생 남자 남학생 여자 여학생 강아지 고양이 사람 학생 중학생 초등학생 오빠 언니 누나 동생 막내 장남 장녀 외동 천재 바보 인간 성인 \
지금 이제 이번 오늘 내일 어제 진짜 사실 요즘 한국 미국 중국 일본 서울 부산 대구 인천 광주 대전 울산 경기도 강원도 제주도 전라도 경상도 한국인 외국인 조선인 나이 이름 성별 여기 거기 \
주인공 사회자 기자 기사 의사 변호사 선생님 선수 반장 부반장 회장 부회장 조장 팀장 서기 도서부 방송부 육상부 축구부 이미 조금 아직 전혀 매우 아주 항상 주로 자주 보통 원래 혼자 같이 함께 모두 다시 \
어떤 어떻게 무엇 무슨 왜 언제 어디 누구 뭐 이런 그런 저런 이거 그거 저거 이것 그것 저것 우리 저희 너희 수학 과학 영어 국어 사회 역사 도덕 기술 가정 체육 음악 미술 한문 정보 \
이순신 안중근 유관순 세종대왕 세종 김구 윤동주 장영실 신사임당 홍길동 이성계 정약용 정조 영조 강감찬 김유신 허준 허균 이황 이이 한석봉 안창호 윤봉길 이봉창 김홍도 신윤복 이육사 한용운 김소월 \
유재석 손흥민 김연아 박지성 이강인 아이유 방탄소년단 반기문 장보고 주몽 온조 박혁거세 김춘추 문무왕 선덕여왕 을지문덕 연개소문 계백 궁예 견훤 왕건 서희 최영 정몽주 최무선 문익점 이방원 황희 성삼문 조광조 \
이하늬 심청 춘향 이몽룡 변학도 성춘향 콩쥐 팥쥐 놀부 흥부 전우치 임꺽정 장길산 황진이 논개 명성황후 고종 순종 이준 이상설 이위종 신채호 박은식 주시경 최현배 방정환 이중섭 박수근 백남준 윤이상 \
조사 발표 토론 숙제 과제 공부 준비 연구 정리 설명 이해 생각 고백 걱정 시험 기말 중간 방학 주말 여행 운동 노래 그림 게임 축구 농구 야구 배구 음식 요리 고기 과자 치킨 피자 라면 김치 김밥 \
부자 기린 사자 여우 하마 오리 나무 바다 하늘 구름 태양 지구 우주 화성 금성 목성 토성 수성 천왕성 해왕성 명왕성 왕자 공주 마법사 용사 기사단 오른손잡이 왼손잡이 인싸 아싸 찐따 문제아 모범생 우등생 \
심심 피곤 우울 행복 불안 정상 이상 정신 소심 소극 적극 조용 성실 예민 나름 하나 한번 한마디 한명 원인 이유 방법 지식 정답 문제 질문 대답 주제 제목 내용 결과 과정 의견 주장 근거 예시 사례 \
연예인 가수 배우 작가 화가 시인 과학자 공학자 의대 공대 문예창작 개발자 프로그래머 유튜버 크리에이터 경찰 소방관 군인 요리사 간호사 교사 선생 교수 박사 사장 대표 마지막 처음 도움 도우미 조수 \
기독교 천주교 불교 무교 채식주의자 다문화 이민자 한부모 외동딸 외동아들 쌍둥이 장손 사춘기 반대 찬성 중립 동의 인정 부정 긍정 ";

/// Words that follow `이름은` without being a name.
const NOT_ANNOUNCED: &str = " 무엇 무어 뭐 뭘 뭔 뭐라 어떻 어떻게 누구 없 없어 비밀 예쁜 예쁘 멋진 좋은 이상 한자 한글 영어 순우리말 특이 흔한 흔하 왜 어디 나라 모두 모르 몰라 기억 아직 정말 진짜 바꾸 지어 지은 짓 따로 원래 아빠 엄마 할머니 할아버지 세 두 네 외자 홍길동 김철수 이영희 아무개 철수 영희 ";

pub(super) fn find(view: &View<'_>) -> Vec<(Range<usize>, PersonalKind)> {
    let korean = GIVEN.iter().enumerate().flat_map(|(index, pattern)| {
        // Words that announce a name let a given name stand alone.
        let is_announced = matches!(index, 0 | 1 | 3 | 4);
        view.matches(pattern).filter_map(move |captures| {
            let word = captures.get(1)?;
            if is_of_a_story(&view.text) {
                return None;
            }
            let after = view.text[word.end()..].chars().next();
            let length = name_length(word.as_str(), is_announced, after)?;
            Some(word.start()..word.start() + length)
        })
    });
    let english = view.matches(&ENGLISH).filter_map(|captures| {
        let name = captures.get(1)?;
        let words: Vec<&str> = name
            .as_str()
            .split(' ')
            .take_while(|word| {
                ![
                    "and", "i", "i'm", "but", "from", "in", "a", "the", "not", "is", "so", "please", "because",
                    "later", "when", "if",
                ]
                .contains(word)
            })
            .collect();
        let length = words.join(" ").len();
        let is_story = is_of_a_story(&view.text);
        (length > 1 && !is_story).then(|| name.start()..name.start() + length)
    });
    korean.chain(english).map(|range| (range, PersonalKind::Name)).collect()
}

/// Whether a text speaks of somebody invented or famous.
fn is_of_a_story(text: &str) -> bool {
    static STORY: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "주인공|등장인물|캐릭터|소설|이야기 속|역할|연기|배역|위인|왕의 이름|동화|작가 이름|가상의|가명|대사|인물 이름|만약 내가|내가 만약|라고 가정|character|story|novel|play the role",
        )
    });
    STORY.is_match(text)
}

/// The bytes of `word` that are a name, if it is one followed by a form of naming.
fn name_length(word: &str, is_announced: bool, after: Option<char>) -> Option<usize> {
    let chars: Vec<(usize, char)> = word.char_indices().collect();
    let end = |count: usize| chars.get(count).map_or(word.len(), |&(at, _)| at);
    let is_word = (1..=chars.len()).any(|count| {
        let (stem, rest) = word.split_at(end(count));
        let words = if is_announced { NOT_ANNOUNCED } else { WORDS };
        words.contains(&format!(" {stem} "))
            && (rest.is_empty() || PARTICLES.contains(&rest) || ADVERBIAL.contains(&rest) || is_ending(rest))
    });
    let is_ending_alone = is_ending(word) || ENDINGS.iter().chain(&ADVERBIAL).any(|ending| word == *ending);
    if is_word || is_ending_alone {
        return None;
    }
    let ends_here = after.is_none_or(|c| !matches!(c, '가'..='힣'));
    (2..=chars.len().min(5)).rev().find_map(|count| {
        let (name, rest) = word.split_at(end(count));
        let is_ended = if is_announced { PARTICLES.contains(&rest) || is_ending(rest) } else { is_ending(rest) };
        // Without words around it, a name stands alone or before a form of naming that the pattern cut off.
        let is_ended = is_ended && (ends_here || !rest.is_empty()) || !ends_here && rest.is_empty() && is_announced;
        let is_bare = rest.is_empty() && !is_announced && ends_here && count == 3;
        let is_named = ["이라고", "라고"].iter().any(|form| rest.starts_with(form)) && is_given_name(name);
        let is_frequent = FREQUENT.contains(&format!(" {name} "));
        let is_name =
            is_full_name(name) || is_named || is_frequent || is_announced && (is_given_name(name) || has_surname(name));
        ((is_ended || is_bare) && is_name).then(|| end(count))
    })
}

fn is_ending(rest: &str) -> bool {
    ENDINGS.iter().any(|ending| {
        rest == *ending
            || rest.strip_prefix(ending).is_some_and(|more| {
                ["요", "서", "해", "합", "불", "한", "하", "부"].iter().any(|next| more.trim_start().starts_with(next))
            })
    })
}

/// A surname with a given name of two syllables, or of one after a rarer start.
fn is_full_name(word: &str) -> bool {
    let double = DOUBLE_SURNAMES.iter().find_map(|surname| word.strip_prefix(surname));
    let single = word.chars().next().filter(|&c| SURNAMES.contains(c)).map(|c| &word[c.len_utf8()..]);
    double.into_iter().chain(single).any(|given| given.chars().count() == 2 && is_given_name(given))
}

/// A surname with two syllables behind it, whatever they are.
fn has_surname(word: &str) -> bool {
    word.chars().count() == 3 && word.starts_with(|c| SURNAMES.contains(c))
}

fn is_given_name(word: &str) -> bool {
    let chars: Vec<char> = word.chars().collect();
    matches!(chars[..], [first, last] if FIRST.contains(first) && LAST.contains(last))
}
