/** One HTML file that holds the page and the answers of one view: no server, no network. */
import type { Recorded } from '../recording';

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

export async function pageWith(recording: Recording): Promise<string> {
  const script = await codeOf('script[type=module]', 'src');
  const style = await codeOf('link[rel=stylesheet], style[data-cutaway]', 'href');
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

/** The text of the page's own script or style, inline or from where the page has it. */
async function codeOf(selector: string, attribute: 'src' | 'href'): Promise<string> {
  const texts = [...document.querySelectorAll(selector)].map(async (element) => {
    const address = element.getAttribute(attribute);
    if (!address) return element.textContent;
    const response = await fetch(address);
    return response.text();
  });
  return (await Promise.all(texts)).join('\n');
}
