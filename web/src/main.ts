import { mount } from 'svelte';
import App from './App.svelte';
import { browserAddress, memoryAddress } from './core/cursor.svelte';
import { Explorer } from './core/explorer.svelte';
import { embeddedRecording } from './core/export/page';
import { HttpSource } from './core/http';
import { EmbeddedSource } from './core/recording';
import './style/page.css';
import './style/tokens.css';
import './style/base.css';
import './style/layout.css';
import './style/next-words.css';

function start(): Explorer {
  const recording = embeddedRecording();
  if (!recording) return new Explorer(new HttpSource(), browserAddress());
  const x = new Explorer(new EmbeddedSource(recording.answers), memoryAddress(recording.hash));
  x.language.code = recording.language === 'zh' ? 'zh' : 'en';
  x.appearance.choice = recording.theme === 'dark' ? 'dark' : 'light';
  return x;
}

mount(App, { target: document.getElementById('cutaway')!, props: { x: start() } });
