import { render } from 'preact';
import type { ReportData } from '../report-data.ts';
import { App } from './app.tsx';
import { ImageModel } from './model.ts';

const root = document.getElementById('app')!;

/** Inflates the data, and shows it. */
async function start(): Promise<void> {
  const text = document.getElementById('data')!.textContent!;
  const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  const data = (await new Response(stream).json()) as ReportData;
  const models = data.images.map((image) => new ImageModel(image));
  const show = (isPrinting: boolean) =>
    render(<App models={models} version={data.version} isPrinting={isPrinting} />, root);
  root.textContent = '';
  show(false);
  // On paper there are no tabs to choose.
  addEventListener('beforeprint', () => show(true));
  addEventListener('afterprint', () => show(false));
}

start().catch((error: unknown) => {
  root.textContent = `This report cannot be shown: ${error instanceof Error ? error.message : error}`;
});
