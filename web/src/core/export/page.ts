/** One HTML file that holds the page and the answers of one view: no server, no network. */
import type { Recorded } from '../recording';
import type { Source } from '../source';

export const RECORDING = 'cutaway-recording';

export interface Recording {
  hash: string;
  language: string;
  theme: string;
  receipt: unknown;
  answers: Recorded[];
}

/** What an exported file carries, null on the ordinary page. */
export function embeddedRecording(): Recording | null {
  const element = document.getElementById(RECORDING);
  return element?.textContent ? (JSON.parse(element.textContent) as Recording) : null;
}

/** Where the page's script and style come from. */
export interface Page {
  document: ParentNode;
  /** The text behind an address that the document names. */
  read: (address: string) => Promise<string>;
}

/** The page that this code runs in. */
export function ownPage(): Page {
  return { document, read: async (address) => (await fetch(address)).text() };
}

/** The page that the source has, where this code runs in somebody else's: a notebook. */
export async function servedPage(source: Source): Promise<Page> {
  const read = async (address: string) => {
    const reply = await source.request('GET', new URL(address, 'http://127.0.0.1/').pathname);
    if (reply.status !== 200) throw new Error(`${address}: ${reply.status}`);
    return new TextDecoder().decode(await reply.bytes());
  };
  return { document: new DOMParser().parseFromString(await read('/'), 'text/html'), read };
}

export async function pageWith(page: Page, recording: Recording): Promise<string> {
  const script = await codeOf(page, 'script[type=module]', 'src');
  const style = await codeOf(page, 'link[rel=stylesheet], style[data-cutaway]', 'href');
  const json = JSON.stringify(recording).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="${recording.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:">
<title>Cutaway</title>
<style data-cutaway>${style.replaceAll('</', '<\\/')}</style>
</head>
<body>
<div id="cutaway"></div>
<script type="application/json" id="${RECORDING}">${json}</script>
<script type="module">${script.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--')}</script>
</body>
</html>
`;
}

/** The text of a page's script or style, inline or from where the page has it. */
async function codeOf(page: Page, selector: string, attribute: 'src' | 'href'): Promise<string> {
  const texts = [...page.document.querySelectorAll(selector)].map((element) => {
    const address = element.getAttribute(attribute);
    return address ? page.read(address) : Promise.resolve(element.textContent);
  });
  return (await Promise.all(texts)).join('\n');
}
