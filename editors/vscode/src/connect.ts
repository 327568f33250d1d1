// Connects a large model for the actions, by a few questions: nobody has to edit a file for that.
import * as vscode from 'vscode';

import { SECTION } from './protocol';

interface Place extends vscode.QuickPickItem {
  readonly backend: 'openai' | 'ollama' | 'engine' | 'none';
  readonly url?: string;
}

const PLACES: readonly Place[] = [
  { label: 'Ollama', description: 'by its own protocol', backend: 'ollama', url: 'http://localhost:11434' },
  { label: 'LM Studio', description: 'on this machine', backend: 'openai', url: 'http://localhost:1234/v1' },
  { label: 'llama-server or vLLM', description: 'on this machine', backend: 'openai', url: 'http://localhost:8000/v1' },
  {
    label: 'Another server',
    description: 'anything that speaks OpenAI’s protocol; your code goes there',
    backend: 'openai',
  },
  { label: 'A folder with a model', description: 'runs in the server’s own engine', backend: 'engine' },
  { label: 'None', description: 'static analysis only', backend: 'none' },
];

/** Asks where the large model is, and writes the user's settings. */
export async function connectModel(): Promise<void> {
  const place = await vscode.window.showQuickPick(PLACES, { title: 'Where is the large model?' });
  if (place?.backend === 'none') {
    await write({ backend: 'none' });
  } else if (place?.backend === 'engine') {
    const chosen = await vscode.window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false });
    if (chosen?.[0]) {
      await write({ backend: 'engine', model: chosen[0].fsPath });
    }
  } else if (place) {
    await connectServer(place);
  }
}

async function connectServer(place: Place): Promise<void> {
  const base_url = await vscode.window.showInputBox({
    title: 'The server’s address',
    value: place.url ?? 'https://',
    validateInput: (text) =>
      /^https?:\/\/[^/\s]+/.test(text) ? undefined : 'An address begins with http:// or https://',
  });
  if (!base_url) {
    return;
  }
  const model = await vscode.window.showInputBox({
    title: 'The model’s name on that server',
    placeHolder: 'qwen2.5-coder:7b',
  });
  if (!model) {
    return;
  }
  const api_key_env = await vscode.window.showInputBox({
    title: 'The API key, if the server wants one',
    prompt:
      'The NAME of the environment variable that holds it; leave it empty for none. The key is never written down.',
    validateInput: (text) => (/^\w*$/.test(text) ? undefined : 'This is no name of an environment variable.'),
  });
  if (api_key_env !== undefined) {
    await write({ base_url, model, api_key_env: api_key_env || undefined, backend: place.backend });
  }
}

async function write(values: Readonly<Record<string, string | undefined>>): Promise<void> {
  const settings = vscode.workspace.getConfiguration(SECTION);
  for (const [name, value] of Object.entries(values)) {
    await settings.update(`large.${name}`, value, vscode.ConfigurationTarget.Global);
  }
}
