#!/usr/bin/env bash
# Writes nginx's error pages from their template, deploy/nginx-errors.html. They are files of their own, because nginx serves
# them while the program can't answer.
#   nginx-errors.sh FOLDER
set -euo pipefail

folder=${1:?"usage: nginx-errors.sh FOLDER"}
template=$(<"$(dirname "$0")/../deploy/nginx-errors.html")

# write_page STATUS MARK=TEXT...: writes the page of a status. A text may contain the marks that follow it.
write_page() {
    local page=${template//@STATUS@/"$1"} field
    for field in "${@:2}"; do
        page=${page//"@${field%%=*}@"/"${field#*=}"}
    done
    printf '%s\n' "$page" >"$folder/$1.html"
}

# write_refusal STATUS TITLE=… REASON=… ENGLISH=…: the page for a request that nginx can't read. The same request fails
# again, so the page links to the first page.
write_refusal() {
    write_page "$1" REFRESH= LINK='<a href="/topic-selection.html">처음 화면으로</a>' \
        DETAIL="@REASON@ 처음 화면에서 다시 시작해 주세요. 그동안 나눈 대화는 그대로 있어요." \
        HELP="계속 이 화면이 나오면 선생님께 알려 주세요." \
        ENGLISH="@ENGLISH@ Please start again from the first page." "${@:2}"
}

# write_reload STATUS SECONDS=… TITLE=… REASON=… REST=… HELP=… ENGLISH=…: the page for a failure that passes. It reloads
# itself.
write_reload() {
    write_page "$1" REFRESH='<meta http-equiv="refresh" content="@SECONDS@">'$'\n' LINK='<a href="">지금 다시 열기</a>' \
        DETAIL="@REASON@ @SECONDS@초마다 저절로 다시 열어 볼게요. @REST@" \
        ENGLISH="@ENGLISH@ This page tries again by itself every @SECONDS@ seconds." "${@:2}"
}

mkdir -p "$folder"
write_refusal 400 TITLE="요청을 알아듣지 못했어요" \
    REASON="브라우저가 보낸 내용이 너무 길거나 모양이 이상해서 열지 못했어요." \
    ENGLISH="The browser sent something too long, or something we can't read."
write_refusal 414 TITLE="주소가 너무 길어요" REASON="주소창의 주소가 너무 길어서 열지 못했어요." \
    ENGLISH="This address is too long."
write_reload 429 SECONDS=10 TITLE="한꺼번에 너무 많이 열었어요" \
    REASON="우리 학교에서 짧은 시간에 요청이 아주 많이 왔어요." REST="그대로 두고 조금만 기다려 주세요." \
    HELP="계속 이 화면이 나오면 선생님께 알려 주세요." ENGLISH="Too many requests came at once."
saved="이미 보낸 질문과 답은 저장돼 있어요."
write_reload 502 SECONDS=5 TITLE="공책이 잠깐 덮였어요" \
    REASON="서버가 다시 켜지고 있어요. 보통 1분 안에 돌아와요." REST="$saved" \
    HELP="몇 분이 지나도 그대로면 선생님께 502라고 알려 주세요." ENGLISH="The server is restarting."
write_reload 503 SECONDS=5 TITLE="공책이 잠깐 쉬고 있어요" \
    REASON="서버를 손보고 있거나 손님이 아주 많아요." REST="$saved" \
    HELP="몇 분이 지나도 그대로면 선생님께 503이라고 알려 주세요." \
    ENGLISH="The server is being looked after or is very busy."
write_reload 504 SECONDS=5 TITLE="공책이 천천히 펴지고 있어요" REASON="서버가 제때 대답하지 못했어요." REST="$saved" \
    HELP="몇 분이 지나도 그대로면 선생님께 504라고 알려 주세요." ENGLISH="The server did not answer in time."
