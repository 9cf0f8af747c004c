/** Shapes that the scripts and the API share. Types only: nothing here is served. */

type TurnState = "accepted" | "answering" | "done" | "failed" | "cancelled" | "interrupted";

interface Dim {
  id: "relevance" | "clarity" | "context" | "goal" | "structure" | "followup";
  /** 0 to 3; `null` where it doesn't apply. Shown as words, never as a number. */
  level: 0 | 1 | 2 | 3 | null;
  /** An exact substring of the student's message, or empty. */
  quote: string;
  why: string;
}

interface Feedback {
  strengths: string;
  improvements: string;
  next_steps: string;
  suggested_questions: string[];
  source: "model" | "coach";
  dims: Dim[];
}

interface TurnOutcome {
  state: TurnState;
  reason: string | null;
  /** What happened, as a sentence in the student's language. */
  reason_text: string | null;
}

interface TurnStatus extends TurnOutcome {
  /** Whether the answer of a turn that is still `answering` is complete, so that only the note is missing. */
  answered?: boolean;
}

interface Snapshot extends TurnStatus {
  /** The answer so far, as safe HTML, block by block. */
  blocks: string[];
  feedback: Feedback | null;
  /** Whether the model thinks and writes nothing yet. */
  thinking: boolean;
}

interface Turn extends TurnOutcome {
  id: string;
  seq: number;
  /** Which try this is, from 1. */
  attempt: number;
  message: string;
  answer: { text: string; html: string } | null;
  feedback: Feedback | null;
}

interface Conversation {
  id: string;
  topic: string;
  /** A page of them, in order; the newest if not asked otherwise. */
  turns: Turn[];
  /** What to ask `before` for, to have earlier turns; null when there are none. */
  next: number | null;
}

interface Guide {
  guide_title: string;
  guide_html: string;
  starter_questions: string[];
  source: "model" | "preset";
}

/** Trusted Types (W3C); not yet in every TypeScript DOM library. */
interface Window {
  trustedTypes?: {
    createPolicy(name: string, rules: { createHTML(html: string): string }): { createHTML(html: string): string };
  };
}
