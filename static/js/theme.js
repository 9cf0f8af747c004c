import { byId } from './dom.js';

const root = document.documentElement;
const button = byId('theme');
button.hidden = false;
button.onclick = () => {
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
  // A cookie, so that the server's next page comes in the right colours at once.
  document.cookie = `theme=${root.dataset.theme}; Path=/; Max-Age=31536000; SameSite=Lax`;
};
