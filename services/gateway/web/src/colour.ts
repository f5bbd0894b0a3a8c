// Parties' colours, with contrast kept. Pure.

export interface Paint {
  background: string;
  text: string;
}

const CONTRAST_OF_TEXT = 4.5; // WCAG 2.2, 1.4.3
const WITHOUT_COLOUR = '#8a94a3';
const IS_COLOUR = /^#[0-9a-f]{6}$/i;

type Rgb = [number, number, number];

const channels = (colour: string) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)) as Rgb;
const written = (rgb: Rgb) => '#' + rgb.map((c) => Math.round(c).toString(16).padStart(2, '0')).join('');

function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((c) => (c <= 10.31475 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4)) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(channels(a)), luminance(channels(b))].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

export const fill = (colour: string | null | undefined) => (colour && IS_COLOUR.test(colour) ? colour : WITHOUT_COLOUR);

// For text on a party's colour: the party's own text colour, or the better one of black and white; then the
// background moves away from it, towards black or white, until the text can be read.
export function paint(colour: string | null | undefined, text: string | null | undefined): Paint {
  const own = fill(colour);
  const better = contrast(own, '#000000') > contrast(own, '#ffffff') ? '#000000' : '#ffffff';
  const chosen = text && IS_COLOUR.test(text) ? text : better;
  const end = luminance(channels(chosen)) > 0.18 ? 0 : 255;
  let background = own;
  for (let part = 0.02; contrast(background, chosen) < CONTRAST_OF_TEXT && part <= 1; part += 0.02) {
    background = written(channels(own).map((c) => c + (end - c) * part) as Rgb);
  }
  return { background, text: chosen };
}
