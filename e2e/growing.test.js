// An answer that grows changes in place: what is pressed, selected, focused or scrolled in it stays so.
import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, ask, openChat, settled, turns } from "./support/classroom.js";
import { world } from "./support/world.js";

const made = world();

/** A student whose answer comes piece by piece. @param {string[]} chunks */
async function following(chunks) {
  await made.provider.script({ default: { chat: { chunks, gate: { at: chunks.map((_, n) => n).slice(1) } } } });
  const student = await made.student();
  await openChat(student.page, "과학 탐구");
  await ask(student.page, "천천히 보여 주세요.");
  const prose = answer(turns(student.page).first());
  return {
    ...student,
    prose,
    /** Lets the next piece come, and waits for its words. @param {string} words */
    async next(words) {
      await made.provider.release({ purpose: "chat", count: 1 });
      await prose.getByText(words).first().waitFor();
    },
    /** Selects words with the mouse, as a student does. @param {string} words */
    select: (words) =>
      prose.evaluate((element, sought) => {
        const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
          const at = texts.currentNode.textContent?.indexOf(sought) ?? -1;
          if (at >= 0)
            return getSelection()?.setBaseAndExtent(texts.currentNode, at, texts.currentNode, at + sought.length);
        }
        throw new Error(`the answer doesn't say ${sought}`);
      }, words),
    selected: () => student.page.evaluate(() => String(getSelection())),
    /** Remembers a node, to ask later whether it's still the same. @param {import("playwright-core").Locator} node */
    async pin(node) {
      const handle = await node.elementHandle();
      return async () =>
        assert.equal(await node.evaluate((element, before) => element === before, handle), true, "the same node");
    },
    async finish() {
      await made.provider.release();
      await settled(student.page);
      student.assertFaultless();
      await student.close();
    },
  };
}

test("a code block that still comes can be copied from, selected in and scrolled sideways", async () => {
  const long = `long = "${"가나다라".repeat(60)}"`;
  const student = await following([
    `\`\`\`python\nfirst = 1\n${long}\n`,
    "second = 2\n",
    "third = 3\n",
    "fourth = 4\n```\n\n끝이에요.",
  ]);
  const { page, prose, next, select, selected, pin } = student;
  await prose.getByText("first").waitFor();
  const pre = prose.locator("pre");
  const same = await pin(pre);

  const copy = prose.locator(".code").getByRole("button");
  const sameButton = await pin(copy);
  await copy.click();
  await copy.getByText("복사했어요").waitFor();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^first = 1\nlong/);
  await next("second");
  await sameButton();
  assert.equal(await copy.innerText(), "복사했어요", "what it said isn't lost");

  await pre.evaluate((box) => {
    box.scrollLeft = 120;
  });
  await select("first");
  await pre.focus();
  await next("third");
  assert.equal(await pre.evaluate((box) => box.scrollLeft), 120);
  assert.equal(await selected(), "first");
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), "PRE");

  // The button goes down before a piece and up after it.
  const box = await copy.boundingBox();
  if (!box) throw new Error("the button is nowhere");
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await next("fourth");
  await page.mouse.up();
  await page.waitForFunction(async () => (await navigator.clipboard.readText()).includes("fourth = 4"));
  await same();
  await student.finish();
});

test("a selection stays in a table, a list and a paragraph that grow, also where their shape changes", async () => {
  const student = await following([
    "| 색 | 파장 |\n| --- | --- |\n| 파랑 | 450 |\n",
    "| 빨강 | 700 |\n\n",
    "- 첫째 항목\n- 둘째 항목\n",
    "\n- 셋째 항목\n\n",
    "긴 문단이 여기서 **굵게",
    " 이어지고** 또 `코드`",
    "와 이어져요.",
  ]);
  const { prose, next, select, selected, pin } = student;
  await prose.getByText("파랑").waitFor();
  await select("파랑");
  const same = await pin(prose.locator("table"));
  await next("빨강");
  assert.equal(await selected(), "파랑");
  await same();

  await next("둘째 항목");
  await select("첫째 항");
  // A blank line makes every item of the list a paragraph.
  await next("셋째 항목");
  assert.equal(await selected(), "첫째 항");

  await next("굵게");
  await select("문단이");
  const sameParagraph = await pin(prose.locator("p").last());
  await next("코드");
  assert.equal(await selected(), "문단이");
  await next("와 이어져요");
  assert.equal(await selected(), "문단이");
  await sameParagraph();
  await student.finish();
});

test("an opened note is left alone when the stream is taken up again", async () => {
  await made.provider.script({ default: { chat: { chunks: ["앞부분이에요. ", "뒷부분이에요."], gate: { at: [1] } } } });
  const { page, context, assertFaultless, close } = await made.student({ viewport: { width: 390, height: 844 } });
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파래요?");
  const note = turns(page).first().locator("details.note");
  await note.locator("summary").first().click();
  const summary = await note.elementHandle();
  await context.setOffline(true);
  await made.provider.release();
  await context.setOffline(false);
  await answer(turns(page).first()).getByText("뒷부분이에요.").waitFor();
  await settled(page);
  assert.equal(await note.getAttribute("open"), "");
  assert.equal(await note.evaluate((element, before) => element === before, summary), true);
  assertFaultless(/^console: (Failed to load resource|.*net::ERR)/);
  await close();
});

test("a copy button that is pressed twice says its name again, and the answer is copied without it", async () => {
  const student = await following(["```js\nconst a = 1;\n```\n\n", "끝이에요."]);
  const { page, prose } = student;
  await page.clock.install();
  const copy = prose.locator(".code").getByRole("button");
  for (let press = 0; press < 2; press += 1) {
    await copy.click();
    await copy.getByText("복사했어요").waitFor();
    await page.clock.runFor(1000);
  }
  await page.clock.runFor(5000);
  await copy.getByText("복사", { exact: true }).waitFor();

  await made.provider.release();
  await settled(page);
  await turns(page).first().getByRole("button", { name: "답 복사하기" }).click();
  await page.waitForFunction(async () => /^const a = 1;\s+끝이에요\.\s*$/.test(await navigator.clipboard.readText()));
  await student.finish();
});

test("over plain HTTP, where only a selection can be copied, the student's own selection stays", async () => {
  const student = await following(["첫 문단이에요.\n\n```js\nconst a = 1;\n", "```\n\n끝이에요."]);
  const { page, prose, select, selected } = student;
  const copy = prose.locator(".code").getByRole("button");
  await copy.waitFor();
  await page.evaluate(() =>
    Object.defineProperty(navigator.clipboard, "writeText", { value: () => Promise.reject(new Error("insecure")) }),
  );
  await select("문단이");
  await copy.click();
  await copy.getByText("복사했어요").waitFor();
  assert.equal(await selected(), "문단이");
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^const a = 1;\s*$/);
  await student.finish();
});

test("words of a question that are selected stay so when the note underlines them", async () => {
  await made.provider.script({ default: { tutor: { gate: { at: [0] } } } });
  const { page, assertFaultless, close } = await made.student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파란지 궁금해요.");
  const words = turns(page).first().locator(".words");
  await words.evaluate((line) => {
    const text = line.firstChild;
    if (text) getSelection()?.setBaseAndExtent(text, 1, text, 8);
  });
  const selected = () => page.evaluate(() => String(getSelection()));
  const before = await selected();
  await made.provider.release();
  await words.getByRole("link").first().waitFor();
  assert.equal(await selected(), before);
  await settled(page);
  assertFaultless();
  await close();
});

test("quoted words that overlap lead to the same notes when a script underlines them and when the server does", async () => {
  const dims = [
    { id: "context", evidence: "왜 파란지", why: "까닭을 물었어요.", level: 2 },
    { id: "clarity", evidence: "왜 파란지 궁금해요", why: "또렷해요.", level: 2 },
    { id: "goal", evidence: "하늘은 왜 파란지", why: "무엇을 알고 싶은지 말했어요.", level: 2 },
  ];
  const text = { strengths: "까닭을 물었어요.", improvements: "언제인지도 물어봐요.", next_steps: "저녁도 봐요." };
  const feedback = { topic: "on", dims, ...text, suggested_questions: ["노을은요?", "비는요?", "눈은요?"] };
  await made.provider.script({ default: { tutor: { chunks: [JSON.stringify(feedback)] } } });
  const { page, assertFaultless, close } = await made.student();
  await openChat(page, "과학 탐구");
  await ask(page, "하늘은 왜 파란지 궁금해요.");
  await settled(page);
  const links = () =>
    turns(page)
      .first()
      .locator(".words a")
      .evaluateAll((all) =>
        all.map((link) => [link.textContent, link.getAttribute("aria-describedby")?.replaceAll(/-[0-9a-f-]{36}/g, "")]),
      );
  const wanted = [
    ["하늘은 왜 파란지", "goal context"],
    [" 궁금해요", "clarity"],
  ];
  assert.deepEqual(await links(), wanted);
  await page.reload();
  await settled(page);
  assert.deepEqual(await links(), wanted);
  assertFaultless();
  await close();
});

test("whatever becomes of a block, it ends as the server sent it", async () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  const { page, assertFaultless, close } = await made.student();
  await openChat(page, "과학 탐구");
  const wrong = await page.evaluate(async (start) => {
    const script = /** @type {HTMLScriptElement} */ (document.querySelector("script[src$='/chat.js']"));
    const { morph } = await import(script.src.replace("chat.js", "morph.js"));
    let state = start;
    /** A small generator whose numbers a seed gives again. @param {number} below */
    const random = (below) => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state % below;
    };
    const TAGS = ["p", "strong", "em", "code", "li", "ul", "span", "a", "td"];
    /** @param {number} depth @returns {Node} */
    const node = (depth) => {
      if (depth === 0 || random(3) === 0) return document.createTextNode(["가", "나다", "라 마 바", ""][random(4)]);
      const element = document.createElement(TAGS[random(TAGS.length)]);
      if (random(3) === 0) element.className = ["s-k", "s-c"][random(2)];
      for (let n = random(4); n > 0; n -= 1) element.append(node(depth - 1));
      return element;
    };
    /** A tree that is like another but for a few changes, as the next piece of an answer makes it. @param {Element} tree */
    const changed = (tree) => {
      const copy = /** @type {Element} */ (tree.cloneNode(true));
      const all = [copy, ...copy.querySelectorAll("*")];
      for (let n = 1 + random(3); n > 0; n -= 1) {
        const at = all[random(all.length)];
        const child = at.childNodes[random(at.childNodes.length + 1)] ?? null;
        if (random(3) === 0) child?.remove();
        else at.insertBefore(node(2), child);
      }
      return copy;
    };
    for (let round = 0; round < 2_000; round += 1) {
      const block = document.createElement("div");
      document.body.append(block);
      block.append(node(3), node(3), node(3));
      const source = changed(block);
      const expected = source.innerHTML;
      const texts = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
      const text = texts.nextNode();
      if (text) getSelection()?.setBaseAndExtent(text, 0, text, random((text.textContent?.length ?? 0) + 1));
      morph(block, source);
      const found = block.innerHTML;
      block.remove();
      if (found !== expected) return { round, found, expected };
    }
    return null;
  }, seed);
  assert.equal(wrong, null, `SEED=${seed}`);
  assertFaultless();
  await close();
});
