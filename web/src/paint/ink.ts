/** The page's colours for canvases, read from the style sheet, and tables that turn codes into pixels. */

export type Rgb = readonly [red: number, green: number, blue: number];
export type Role = 'query' | 'key' | 'value' | 'residual' | 'prob';
/** Attention weights; values around zero; sizes of what has no role. */
export type Ramp = 'weight' | 'signed' | 'size';

export interface Ink {
  page: string;
  card: string;
  ink: string;
  ink2: string;
  ink3: string;
  line: string;
  line2: string;
  mask: string;
  sans: string;
  role: Readonly<Record<Role, string>>;
  fill: Readonly<Record<Role, string>>;
  soft: Readonly<Record<Role, string>>;
  /** From nothing to all, and from most negative over zero to most positive. */
  stops: Readonly<Record<Ramp, readonly Rgb[]>>;
}

const ROLES: readonly Role[] = ['query', 'key', 'value', 'residual', 'prob'];

export function readInk(element: Element): Ink {
  const style = getComputedStyle(element);
  const of = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const roles = (suffix: string) =>
    Object.fromEntries(ROLES.map((role) => [role, of(role + suffix)])) as Record<Role, string>;
  return {
    page: of('page'),
    card: of('card'),
    ink: of('ink'),
    ink2: of('ink-2'),
    ink3: of('ink-3'),
    line: of('line'),
    line2: of('line-2'),
    mask: of('mask-ink'),
    sans: of('sans'),
    role: roles(''),
    fill: roles('-fill'),
    soft: roles('-soft'),
    stops: {
      weight: ['ramp-0', 'ramp-1', 'ramp-2', 'ramp-3'].map((name) => rgb(of(name))),
      size: ['page', 'residual-soft', 'residual-fill', 'residual', 'ink'].map((name) =>
        rgb(of(name)),
      ),
      signed: ['minus', 'minus-soft', 'zero', 'plus-soft', 'plus'].map((name) => rgb(of(name))),
    },
  };
}

/** From nothing to the strong colour of a role: sizes of what belongs to it. */
export function roleStops(ink: Ink, role: Role): Rgb[] {
  return [ink.page, ink.soft[role], ink.fill[role], ink.role[role]].map(rgb);
}

/** `#rrggbb` and `#rgb`. */
export function rgb(hex: string): Rgb {
  const digits = hex.replace('#', '');
  const full = digits.length === 3 ? digits.replace(/./g, '$&$&') : digits;
  const n = parseInt(full, 16);
  return [(n >> 16) & 255, (n >> 8) & 255, n & 255];
}

/** The colour at `t` from 0 to 1 along the stops. */
export function mix(stops: readonly Rgb[], t: number): Rgb {
  const at = Math.min(1, Math.max(0, t)) * (stops.length - 1);
  const i = Math.min(stops.length - 2, Math.floor(at));
  const [from, to] = [stops[i]!, stops[i + 1]!];
  const between = (a: number, b: number) => Math.round(a + (b - a) * (at - i));
  return [between(from[0], to[0]), between(from[1], to[1]), between(from[2], to[2])];
}

export function css([r, g, b]: Rgb): string {
  return `rgb(${r} ${g} ${b})`;
}

/** 256 opaque pixels, one for each code, as a canvas stores them on a little-endian machine. */
export function colourTable(stops: readonly Rgb[]): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, code) => {
    const [r, g, b] = mix(stops, code / 255);
    return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
}

/** A colour for each head of a layer; its number always stands beside it. */
export function headColour(head: number, n_head: number, theme: 'light' | 'dark'): string {
  const hue = Math.round((360 * head) / n_head + 265) % 360;
  return `hsl(${hue} 58% ${theme === 'dark' ? 68 : 42}%)`;
}
