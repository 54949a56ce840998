import { spawn } from 'node:child_process';

/** A credential helper cannot run, or fails. */
export class HelperError extends Error {}

/**
 * Asks a credential helper (`docker-credential-<name>`, found on the PATH) for a server's credentials.
 *
 * @returns undefined when it has none
 * @throws HelperError
 */
export async function getFromHelper(
  name: string,
  server: string,
  env: NodeJS.ProcessEnv,
): Promise<{ username: string; secret: string } | undefined> {
  const { code, output } = await run(name, 'get', server, env);
  if (code !== 0) {
    // The protocol reports this by its message only.
    if (/credentials not found/i.test(output)) return undefined;
    throw new HelperError(
      `docker-credential-${name} failed: ${output.trim().split('\n')[0] || `exit code ${code}`}`,
    );
  }
  try {
    const { Username, Secret } = JSON.parse(output) as { Username?: string; Secret?: string };
    if (!Secret) return undefined;
    return { username: Username ?? '', secret: Secret };
  } catch {
    throw new HelperError(`docker-credential-${name} did not answer in JSON`);
  }
}

/**
 * Stores credentials in a helper.
 *
 * @throws HelperError
 */
export async function storeInHelper(
  name: string,
  server: string,
  credentials: { username: string; secret: string },
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const entry = { ServerURL: server, Username: credentials.username, Secret: credentials.secret };
  await succeed(name, 'store', JSON.stringify(entry), env);
}

/**
 * Erases a server's credentials from a helper, if it has any.
 *
 * @throws HelperError
 */
export async function eraseFromHelper(name: string, server: string, env: NodeJS.ProcessEnv): Promise<void> {
  await succeed(name, 'erase', server, env, /credentials not found/i);
}

async function succeed(
  name: string,
  action: string,
  input: string,
  env: NodeJS.ProcessEnv,
  accepted?: RegExp,
): Promise<void> {
  const { code, output } = await run(name, action, input, env);
  if (code !== 0 && !accepted?.test(output)) {
    throw new HelperError(
      `docker-credential-${name} failed: ${output.trim().split('\n')[0] || `exit code ${code}`}`,
    );
  }
}

/** Helpers read one value from standard input, and write both answers and errors to standard output. */
function run(
  name: string,
  action: string,
  input: string,
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const program = `docker-credential-${name}`;
    const child = spawn(program, [action], { env, stdio: ['pipe', 'pipe', 'ignore'], timeout: 60_000 });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    // A helper may end without reading its input.
    child.stdin.on('error', () => {});
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(new HelperError(error.code === 'ENOENT' ? `${program} is not on the PATH` : error.message)),
    );
    child.on('close', (code) => resolve({ code, output }));
    child.stdin.end(input);
  });
}
