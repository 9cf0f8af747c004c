use super::*;

#[test]
fn personal_data_is_covered() {
    for (message, covered) in [
        ("제 번호는 010-2345-6789예요", "제 번호는 [전화번호]예요"),
        ("공일공 이삼사오 육칠팔구로 연락 주세요", "[전화번호]로 연락 주세요"),
        ("메일은 saebyeok.kim@gmail.com이에요", "메일은 [이메일]이에요"),
        ("저는 김새봄이에요", "저는 [이름]이에요"),
        ("안녕하세요 박하윤입니다", "안녕하세요 [이름]입니다"),
        ("제 이름은 정우라고 해요", "제 이름은 [이름]라고 해요"),
        ("내 이름은 바트에르덴이고 열네 살이야", "내 이름은 [이름]이고 열네 살이야"),
        ("I'm Jiwoo Han and I like soccer", "I'm [이름] and I like soccer"),
        ("저는 푸른솔중학교 2학년 3반이에요", "저는 [학교]이에요"),
        ("우리 학교는 은빛여중인데 급식이 맛있어요", "우리 학교는 [학교]인데 급식이 맛있어요"),
        ("우리 집은 서울 마포구 하늘로 12길 34예요", "우리 집은 [주소]예요"),
        ("해맑은마을아파트 103동 1204호에 살아요", "[주소]에 살아요"),
        ("제 생일은 2011년 3월 5일이에요", "제 생일은 [생년월일]이에요"),
        ("비번은 tiger2011!이야", "비번은 [비밀번호]이야"),
        ("내 학번은 20315야", "내 학번은 [학번]야"),
        ("인스타 saebyeok_0305 팔로우해", "인스타 [메신저 아이디] 팔로우해"),
    ] {
        assert_eq!(cover(message).text, covered);
    }
}

#[test]
fn what_belongs_to_nobody_stays() {
    for message in [
        "",
        "이순신 장군은 1545년 4월 28일에 태어났어요",
        "109랑 1388은 어떤 전화예요?",
        "저는 학생이에요",
        "저는 고민이에요 문과 갈지 이과 갈지",
        "나는 고양이로소이다 이 책 제목 왜 이렇게 웃겨요",
        "제 이름의 뜻은 빛나는 별이래요",
        "제 이름은 비밀이에요",
        "소설 주인공 이름은 김하늘이에요",
        "3.14159265358979 다음 자리가 뭐예요",
        "2024 × 1108 + 5079 계산해 줘",
        "경복궁 주소가 종로구 사직로 161 맞죠",
        "저희 학교는 산 위에 있어서 매일 등산해요",
        "지금 공부하는중이에요 말 걸지 마세요",
        "if password == \"1234\" 에서 왜 에러나요",
        "Could you call me back later?",
    ] {
        assert_eq!(cover(message).text, message);
    }
}

#[test]
fn a_sequence_of_numbers_is_no_card() {
    for first in 1..400 {
        let text = (first..first + 8).map(|number: u32| (number * number % 1000).to_string()).collect::<Vec<_>>();
        let message = format!("{} 다음은 뭐예요?", text.join(" "));
        assert!(!cover(&message).kinds.contains(&PersonalKind::Card), "{message}");
    }
    assert_eq!(cover("4556 7375 8689 9855 이 번호로 결제해").text, "[카드번호] 이 번호로 결제해");
}

proptest::proptest! {
    #[test]
    fn ranges_are_in_order_and_on_boundaries(
        message in "\\PC{0,80}|[가-힣 0-9a-z@.:\\[\\]-]{0,80}|((저는|제 이름은|비번|학번|생일|우리 학교|[전화번호]|[가-힣]{2,4}중|김민준|010-1234-5678|2011년 3월 5일|이에요|인데|[0-9]{1,6}|[a-z]{1,6}) ?){0,12}"
    ) {
        let mut end = 0;
        for data in find_personal_data(&message) {
            proptest::prop_assert!(end <= data.range.start && data.range.start < data.range.end);
            proptest::prop_assert!(message.get(data.range.clone()).is_some());
            end = data.range.end;
        }
        let once = cover(&message);
        proptest::prop_assert_eq!(&cover(&once.text).text, &once.text);
    }
}

/// A rule that takes the square of the length makes this test take minutes.
#[test]
fn hostile_texts_are_read() {
    for unit in [
        "a",
        "1",
        "가",
        "0 ",
        "1-",
        "010-1234-5678 ",
        "제 이름 ",
        "저는 김민준 ",
        "생일 2011년 3월 5일 ",
        "하늘로 1",
        "비번 a1!",
        "학번 20315 ",
    ] {
        let _ = find_personal_data(&unit.repeat(64 * 1024 / unit.len()));
    }
}
