#!/usr/bin/env python3
"""What a month costs: for 30, 300 and 3,000 students who learn at the same time, each sum with its arithmetic.

Prints the table of docs/ko/aws.md. Prices are list prices in US dollars without tax, as remembered from about the
day below and not looked up since. Check them before you rely on them: aws.amazon.com/ec2/pricing/on-demand and its
neighbours, openai.com/api/pricing.
"""

import pathlib

AS_OF = "2025-07-23"
SEOUL, SYDNEY = "서울", "시드니"
PRICES = {
    SEOUL: {
        "t3.micro": 0.0130,
        "t3.small": 0.0260,
        "gp3": 0.0912,
        "address": 0.005,
        "transfer": 0.126,
        "balancer": 0.0225,
        "lcu": 0.008,
        "db.t4g.micro": 0.025,
        "db.t4g.medium": 0.102,
        "database storage": 0.131,
        "cache.t4g.micro": 0.0192,
        "logs": 0.76,
    },
    SYDNEY: {
        "t3.micro": 0.0132,
        "t3.small": 0.0264,
        "gp3": 0.096,
        "address": 0.005,
        "transfer": 0.114,
        "balancer": 0.0252,
        "lcu": 0.008,
        "db.t4g.micro": 0.026,
        "db.t4g.medium": 0.103,
        "database storage": 0.138,
        "cache.t4g.micro": 0.0200,
        "logs": 0.67,
    },
}
EVERYWHERE = {"metric": 0.30, "alarm": 0.10, "firewall": 5.0, "rule": 1.0, "requests": 0.60, "secret": 0.40}
MODEL, TOKENS_IN, TOKENS_OUT = "gpt-4o-mini", 0.15, 0.60  # dollars a million
FREE_TRANSFER, FREE_METRICS, FREE_ALARMS = 100, 10, 10  # what AWS gives everybody each month: GB, figures, alarms

HOURS = 730  # of a month
CLASS_HOURS = 120  # six hours on twenty days, when a fleet is as large as it gets
LESSONS = 8  # a month, of each student
QUESTIONS = 10  # a lesson

# Counted with the tokeniser of gpt-4o (o200k_base) over the texts in crates/tutor/src/prompts: 818 tokens for 1,418 letters
# of chat.txt, 1,765 for 3,278 of tutor.txt. The schema of the feedback is English JSON: 464 for 1,774.
TOKENS_A_CHARACTER = 0.55
SCHEMA_TOKENS = 464
QUESTION, ANSWER, FEEDBACK = 40, 400, 600  # characters; prompts ask for answers of about 400
PROMPTS = pathlib.Path(__file__).resolve().parents[2] / "crates/tutor/src/prompts"


def turn_tokens():
    """Tokens in and out of one question: a chat and a tutor call. At most: what OpenAI keeps of prompts is cheaper."""
    chat, tutor = (len((PROMPTS / f"{name}.txt").read_text()) for name in ("chat", "tutor"))
    earlier = (QUESTIONS - 1) / 2 * (QUESTION + ANSWER)  # on average half a lesson went before
    recent = 3 * ANSWER + 2 * QUESTION  # the tutor sees five messages
    characters = chat + earlier + QUESTION + tutor + recent + QUESTION
    return round(characters * TOKENS_A_CHARACTER) + SCHEMA_TOKENS, round((ANSWER + FEEDBACK) * TOKENS_A_CHARACTER)


def usage(students):
    """What students do in a month: questions, GB sent, GB logged, millions of requests."""
    lessons = students * LESSONS
    turns = lessons * QUESTIONS
    # A lesson sends a megabyte (pages once, then 30 KB of stream an answer), asks 60 times, and logs 2 KB a question.
    return turns, lessons / 1000, turns * 2e-6, lessons * 60 / 1e6


def common(students, price):
    turns, sent, logged, _ = usage(students)
    paid = max(0.0, sent - FREE_TRANSFER)
    tokens_in, tokens_out = turn_tokens()
    return [
        (
            "전송",
            f"{sent:,.1f} GB 중 무료 {FREE_TRANSFER} GB를 뺀 {paid:,.1f} GB × ${price['transfer']}",
            paid * price["transfer"],
        ),
        ("로그", f"{logged:.2f} GB × ${price['logs']}", logged * price["logs"]),
        (
            f"모델 ({MODEL})",
            f"질문 {turns:,}개 × (입력 {tokens_in:,} × ${TOKENS_IN} + 출력 {tokens_out:,} × ${TOKENS_OUT}) ÷ 100만",
            turns * (tokens_in * TOKENS_IN + tokens_out * TOKENS_OUT) / 1e6,
        ),
    ]


def watching(metrics, alarms):
    metrics, alarms = max(0, metrics - FREE_METRICS), max(0, alarms - FREE_ALARMS)
    cost = metrics * EVERYWHERE["metric"] + alarms * EVERYWHERE["alarm"]
    return (
        "지표와 경보",
        f"무료분을 넘는 지표 {metrics}개 × ${EVERYWHERE['metric']:.2f}, 경보 {alarms}개 × ${EVERYWHERE['alarm']:.2f}",
        cost,
    )


def single(students, kind, price):
    """One machine: single.yaml."""
    return [
        ("EC2", f"{kind} × {HOURS}시간 × ${price[kind]:.4f}", HOURS * price[kind]),
        ("디스크", f"8 GiB × ${price['gp3']}", 8 * price["gp3"]),
        ("공인 주소", f"1개 × {HOURS}시간 × ${price['address']}", HOURS * price["address"]),
        watching(10, 7),
        *common(students, price),
    ]


def fleet(students, most, database, price):
    """Many machines: fleet.yaml. Two always run, `most` in class hours."""
    hours = 2 * HOURS + (most - 2) * CLASS_HOURS
    units = max(1.0, students * 2 / 3000)  # a unit is 3,000 connections; a student has two
    *_, requests = usage(students)
    storage, kind = 20, "cache.t4g.micro"
    return [
        (
            "EC2",
            f"t3.small × {hours:,}시간(늘 2대, 수업 {CLASS_HOURS}시간에는 {most}대) × ${price['t3.small']:.4f}",
            hours * price["t3.small"],
        ),
        ("디스크", f"2대 × 8 GiB × ${price['gp3']}", 16 * price["gp3"]),
        (
            "공인 주소",
            f"({hours:,} + 로드 밸런서 2 × {HOURS})시간 × ${price['address']}",
            (hours + 2 * HOURS) * price["address"],
        ),
        (
            "로드 밸런서",
            f"{HOURS}시간 × ${price['balancer']} + 수업 {CLASS_HOURS}시간 × {units:.1f} LCU × ${price['lcu']}",
            HOURS * price["balancer"] + CLASS_HOURS * units * price["lcu"],
        ),
        (
            "RDS",
            f"{database} × 2(Multi-AZ) × {HOURS}시간 × ${price[database]}"
            f" + {storage} GiB × 2 × ${price['database storage']}",
            2 * HOURS * price[database] + 2 * storage * price["database storage"],
        ),
        ("Redis", f"{kind}(Valkey) × {HOURS}시간 × ${price[kind]}", HOURS * price[kind]),
        (
            "WAF",
            f"${EVERYWHERE['firewall']:.0f} + 규칙 3개 × ${EVERYWHERE['rule']:.0f}"
            f" + 요청 {requests:.2f}백만 × ${EVERYWHERE['requests']}",
            EVERYWHERE["firewall"] + 3 * EVERYWHERE["rule"] + requests * EVERYWHERE["requests"],
        ),
        ("NAT 게이트웨이", "쓰지 않아요", 0.0),
        ("비밀 값", f"4개 × ${EVERYWHERE['secret']:.2f}", 4 * EVERYWHERE["secret"]),
        watching(2 * most + 4, 11 + 4),
        *common(students, price),
    ]


SCHOOLS = [
    ("30명, 한 대", lambda price: single(30, "t3.micro", price)),
    ("300명, 한 대", lambda price: single(300, "t3.small", price)),
    ("300명, 여러 대", lambda price: fleet(300, 2, "db.t4g.micro", price)),
    ("3,000명, 여러 대", lambda price: fleet(3000, 8, "db.t4g.medium", price)),
]


def total(rows):
    return sum(cost for _, _, cost in rows)


def table():
    """The whole table in Markdown."""
    lines = [
        f"{AS_OF} 무렵의 정가를 어림으로 적은 것이고(미국 달러, 세금 제외) 그 뒤로 다시 확인하지 않았어요. 쓰기 전에 AWS와 OpenAI의 가격 페이지에서 확인해 주세요.",
        "",
        f"| 동시에 배우는 학생 | {SEOUL} | {SYDNEY} | 그중 모델 | 학생 한 명({SEOUL}) |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, school in SCHOOLS:
        rows = school(PRICES[SEOUL])
        students = int(name.split("명")[0].replace(",", ""))
        lines.append(
            f"| {name} | ${total(rows):,.2f} | ${total(school(PRICES[SYDNEY])):,.2f} | ${rows[-1][2]:,.2f} "
            f"| ${total(rows) / students:,.2f} |"
        )
    for name, school in SCHOOLS:
        rows = school(PRICES[SEOUL])
        lines += ["", f"**{name}** ({SEOUL}, 한 달)", "", "| 항목 | 계산 | 달러 |", "| --- | --- | ---: |"]
        lines += [f"| {what} | {how} | {cost:,.2f} |" for what, how, cost in rows]
        lines.append(f"| 합계 | | {total(rows):,.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
