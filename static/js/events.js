import { lost, reached } from './connection.js';

const TERMINAL = ['done', 'failed', 'cancelled', 'interrupted'];

/**
 * @typedef {object} Listener
 * @property {(snapshot: Snapshot) => void} snapshot
 * @property {(block: {index: number, html: string}) => void} block
 * @property {(delta: {text: string}) => void} delta
 * @property {(feedback: Feedback) => void} feedback
 * @property {(ending: Ending) => void} state
 * @property {() => void} end the turn is over
 * @property {() => void} lost the server is there but doesn't let the turn be followed
 */

/**
 * Follows a turn to its end, over any number of broken connections: each new one begins with a snapshot.
 * @param {string} turn @param {Listener} to
 */
export function follow(turn, to) {
  let over = false;
  let failures = 0;
  const connect = () => {
    const source = new EventSource(`/api/v1/turns/${turn}/events`);
    const again = async () => {
      source.close();
      await reached();
      setTimeout(connect, Math.min(300 * 2 ** failures, 5000) * (0.75 + Math.random() / 2));
    };
    /** @param {string} name @param {(data: any) => void} act */
    const on = (name, act) => source.addEventListener(name, (event) => {
      failures = 0;
      act(JSON.parse(event.data || '{}'));
    });
    /** @param {Ending} ending */
    const ended = (ending) => { over = TERMINAL.includes(ending.state); };
    on('snapshot', (data) => { ended(data); to.snapshot(data); });
    on('state', (data) => { ended(data); to.state(data); });
    on('block', to.block);
    on('delta', to.delta);
    on('feedback', to.feedback);
    on('end', () => {
      // Without a final state the server only says goodbye: the next one knows the turn.
      if (!over) return void again();
      source.close();
      to.end();
    });
    source.onerror = async () => {
      source.close();
      failures += 1;
      if (failures > 8) return to.lost();
      await fetch('/health', { method: 'HEAD', cache: 'no-store' }).catch(lost);
      await again();
    };
  };
  connect();
}
