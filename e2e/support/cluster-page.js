// A student's page, driven line by line by the cluster's tests: `node cluster-page.js ADDRESS`.
//
// A line on standard input is a command, `ask QUESTION`, `interrupted` (wait for that) or `retry`; each is answered by one line with what
// the page shows afterwards, as JSON. The page ends with the input.
import { createInterface } from "node:readline";
import { newStudent, startBrowser } from "./browser.js";
import { answer, ask, openChat, settled, turns } from "./classroom.js";

const [address] = process.argv.slice(2);
if (!address?.startsWith("http://127.0.0.1:")) throw new Error("the address of a server on this machine is needed");

const browser = await startBrowser();
const student = await newStudent(browser, address);
const { page } = student;
// An instance is killed under this page; it may take as long as is promised until the page is told.
page.setDefaultTimeout(30_000);
await openChat(page, "과학 탐구");
tell();

for await (const line of createInterface({ input: process.stdin })) {
  const [command, rest] = [line.split(" ", 1)[0], line.slice(line.indexOf(" ") + 1)];
  if (command === "ask") {
    await ask(page, rest);
    await answer(turns(page).last()).getByText("번 글").first().waitFor();
  } else if (command === "interrupted") {
    await page.getByRole("button", { name: "다시 답하기" }).waitFor();
  } else if (command === "retry") {
    await page.getByRole("button", { name: "다시 답하기" }).click();
    await answer(turns(page).last()).getByText("어느 것부터 해 보고 싶나요?").waitFor();
    await settled(page);
  } else {
    throw new Error(`no command is called ${command}`);
  }
  tell(await turns(page).last().innerText());
}
await browser.close();

/** @param {string} [text] */
function tell(text = "") {
  console.log(JSON.stringify({ text }));
}
