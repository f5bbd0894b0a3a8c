// Light or dark: as the system says, until somebody chooses.
import { effect, signal } from '@preact/signals';

export type Theme = 'auto' | 'light' | 'dark';

const KEY = 'declared.theme';
const IS_THEME = /^(light|dark)$/;

function kept(): Theme {
  try {
    const value = localStorage.getItem(KEY) ?? '';
    return IS_THEME.test(value) ? (value as Theme) : 'auto';
  } catch {
    return 'auto'; // the browser keeps nothing
  }
}

export const theme = signal<Theme>(kept());

effect(() => {
  document.documentElement.dataset.theme = theme.value;
  try {
    localStorage.setItem(KEY, theme.value);
  } catch {
    // then it holds until the page is closed
  }
});
