// What a model may write, and what becomes of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, ask, openChat, settled, turns } from "./support/classroom.js";
import { assertAccessible } from "./support/browser.js";
import { world } from "./support/world.js";

const made = world();
const { student } = made;

/** Asks and returns the answer, which is this text. @param {import("playwright-core").Page} page @param {string} text */
async function answered(page, text) {
  await made.provider.script({ default: { chat: { chunks: text.match(/[\s\S]{1,17}/gu) ?? [], gap_ms: 1 } } });
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  await settled(page);
  return answer(turns(page).last());
}

test("tables, lists, formulas, code and prices look as they should", async () => {
  const { page, assertFaultless, close } = await student();
  const prose = await answered(
    page,
    [
      "**한국어(Korean)**는 재미있어요. 사과는 $5, 배는 $10이에요.",
      "| 색 | 파장 |\n| --- | ---: |\n| 파랑 | 450 |\n| 빨강 | 700 |",
      "- 하나\n  - 하나의 하나\n- 둘",
      "빛의 빠르기는 $c = 3 \\times 10^8$이고, 넓이는\n\n$$\\frac{1}{2} a b$$",
      '```python\nfor n in range(3):\n    print(n, "<b>")\n```',
    ].join("\n\n"),
  );
  assert.equal(await prose.locator("strong").first().innerText(), "한국어(Korean)");
  assert.match(await prose.innerText(), /\$5, 배는 \$10이에요/);
  assert.equal(await prose.locator("table td").first().innerText(), "파랑");
  assert.equal(await prose.locator("ul ul li").innerText(), "하나의 하나");
  assert.equal(await prose.locator("math").count(), 2);
  const fraction = await prose.locator("mfrac").boundingBox();
  assert.ok(fraction && fraction.width > 5 && fraction.height > 20, "the fraction is drawn");
  await assertAccessible(page, "chat, rich answer");

  await prose.locator(".code").getByRole("button").click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'for n in range(3):\n    print(n, "<b>")\n');
  await page.getByRole("button", { name: "답 복사하기" }).click();
  await page.getByText("복사했어요").last().waitFor();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /사과는 \$5, 배는 \$10이에요[^]*하나의 하나/);
  assertFaultless();
  await close();
});

test("hostile Markdown does nothing but stand there as text", async () => {
  const { page, assertFaultless, close } = await student();
  const prose = await answered(
    page,
    [
      "<script>window.hacked = 1</script>",
      '<img src=x onerror="window.hacked = 1">',
      "[눌러 보세요](javascript:window.hacked=1) [여기도](data:text/html,<script>1</script>)",
      "![그림](https://example.com/pixel.png)",
      '<math><mtext><style><img src=x onerror="window.hacked=1"></style></mtext></math>',
      "<svg><animate onbegin=window.hacked=1></svg>",
      "$\\href{javascript:window.hacked=1}{x}$ $\\text{<img src=x onerror=window.hacked=1>}$",
      '<form action="https://example.com"><input name=a></form>',
      "```html\n<script>window.hacked = 1</script>\n```",
      "<style>body { display: none }</style>",
    ].join("\n\n"),
  );
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).hacked), undefined);
  for (const tag of ["script", "img", "svg", "style", "form", "iframe", "input"]) {
    assert.equal(await prose.locator(tag).count(), 0, tag);
  }
  for (const link of await prose.locator("a").all()) {
    assert.match((await link.getAttribute("href")) ?? "", /^https:/);
    assert.equal(await link.getAttribute("rel"), "noopener noreferrer nofollow");
  }
  assert.match(await prose.innerText(), /window\.hacked/);
  await assertAccessible(page, "chat, hostile answer");
  assertFaultless();
  await close();
});

test("nothing in an answer makes a small page scroll sideways", async () => {
  const { page, assertFaultless, close } = await student({ viewport: { width: 320, height: 640 } });
  await answered(
    page,
    [
      `https://example.com/${"아주긴주소".repeat(40)}`,
      `| ${"칸 | ".repeat(30)}\n| ${"--- | ".repeat(30)}\n| ${"값 | ".repeat(30)}`,
      `\`\`\`\n${"x".repeat(400)}\n\`\`\``,
      `$$${"a+".repeat(80)}a$$`,
      "가".repeat(400),
    ].join("\n\n"),
  );
  const { scroll, client } = await page.evaluate(() => ({
    scroll: document.documentElement.scrollWidth,
    client: document.documentElement.clientWidth,
  }));
  assert.ok(scroll <= client, `${scroll} > ${client}`);
  await assertAccessible(page, "chat, wide answer on a small page");
  assertFaultless();
  await close();
});

test("an answer that reached its length says how to go on", async () => {
  await made.provider.script({ default: { chat: { finish: "length" } } });
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  await turns(page).first().getByText("이어서 설명해 주세요").waitFor();
  await settled(page);
  assertFaultless();
  await close();
});

test("what a content filter stopped is taken back", async () => {
  await made.provider.script({ default: { chat: { chunks: ["나쁜 말"], finish: "content_filter" } } });
  const { page, assertFaultless, close } = await student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  await turns(page).first().getByText("이 질문에는 답할 수 없어요.").waitFor();
  assert.ok(!(await answer(turns(page).first()).innerText()).includes("나쁜 말"));
  assertFaultless();
  await close();
});
