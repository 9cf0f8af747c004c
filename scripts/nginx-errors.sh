#!/usr/bin/env bash
# Writes nginx's error pages from their template, deploy/nginx-errors.html. They are files of their own, because nginx serves
# them while the program can't answer.
#   nginx-errors.sh FOLDER
set -euo pipefail

folder=${1:?"usage: nginx-errors.sh FOLDER"}
template=$(<"$(dirname "$0")/../deploy/nginx-errors.html")

write_page() { # write_page STATUS REFRESH LINK TITLE DETAIL HELP ENGLISH
    local page=$template
    page=${page//@STATUS@/"$1"}
    page=${page//@REFRESH@/"$2"}
    page=${page//@LINK@/"$3"}
    page=${page//@TITLE@/"$4"}
    page=${page//@DETAIL@/"$5"}
    page=${page//@HELP@/"$6"}
    page=${page//@ENGLISH@/"$7"}
    printf '%s\n' "$page" >"$folder/$1.html"
}

# A request that nginx can't read: the same request fails again, so the page links to the first page.
refuse() { # refuse STATUS TITLE REASON ENGLISH
    write_page "$1" '' '<a href="/topic-selection.html">처음 화면으로</a>' "$2" \
        "$3 처음 화면에서 다시 시작해 주세요. 그동안 나눈 대화는 그대로 있어요." \
        "계속 이 화면이 나오면 선생님께 알려 주세요." "$4 Please start again from the first page."
}

# A failure that passes: the page reloads itself.
reload() { # reload STATUS SECONDS TITLE REASON REST HELP ENGLISH
    write_page "$1" "<meta http-equiv=\"refresh\" content=\"$2\">"$'\n' '<a href="">지금 다시 열기</a>' "$3" \
        "$4 $2초마다 저절로 다시 열어 볼게요. $5" "$6" "$7 This page tries again by itself every $2 seconds."
}

mkdir -p "$folder"
refuse 400 "요청을 알아듣지 못했어요" "브라우저가 보낸 내용이 너무 길거나 모양이 이상해서 열지 못했어요." \
    "The browser sent something too long, or something we can't read."
refuse 414 "주소가 너무 길어요" "주소창의 주소가 너무 길어서 열지 못했어요." "This address is too long."
reload 429 10 "한꺼번에 너무 많이 열었어요" "우리 학교에서 짧은 시간에 요청이 아주 많이 왔어요." \
    "그대로 두고 조금만 기다려 주세요." "계속 이 화면이 나오면 선생님께 알려 주세요." "Too many requests came at once."
saved="이미 보낸 질문과 답은 저장돼 있어요."
reload 502 5 "공책이 잠깐 덮였어요" "서버가 다시 켜지고 있어요. 보통 1분 안에 돌아와요." "$saved" \
    "몇 분이 지나도 그대로면 선생님께 502라고 알려 주세요." "The server is restarting."
reload 503 5 "공책이 잠깐 쉬고 있어요" "서버를 손보고 있거나 손님이 아주 많아요." "$saved" \
    "몇 분이 지나도 그대로면 선생님께 503이라고 알려 주세요." "The server is being looked after or is very busy."
reload 504 5 "공책이 천천히 펴지고 있어요" "서버가 제때 대답하지 못했어요." "$saved" \
    "몇 분이 지나도 그대로면 선생님께 504라고 알려 주세요." "The server did not answer in time."
