import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { baseFolder, contextFolder, writeContext } from './case-file.mjs';
import { fileArgs, tagOf, withoutAddress } from './engine.mjs';
import { eachOf, output, run } from './spawn.mjs';
import { summarise } from './summary.mjs';

/** Jettison with a store of its own for each case, so that no case gets what another one made. */
export class Jettison {
  /** @param {string[]} command @param {string} home where the stores are kept */
  constructor(command, home) {
    this.command = command;
    this.home = home;
    this.layers = new Map();
  }

  /** @param {Buffer} archive the images that cases stand on */
  async load(archive) {
    await output([...this.command, 'load'], { env: { JETTISON_HOME: this.home }, input: archive });
  }

  /**
   * @param {import('./case-file.mjs').Case[]} cases
   * @param {{ folder: string, jobs: number }} options
   * @param {(one: import('./case-file.mjs').Case, outcome: import('./engine.mjs').Outcome) => void} done
   */
  async build(cases, { folder, jobs }, done) {
    await eachOf(cases, jobs, async (one) => {
      const context = contextFolder(one, folder);
      writeContext(one, context);
      const home = `${this.home}-${one.name.replaceAll('/', '.')}`;
      execFileSync('cp', ['-al', this.home, home]);
      done(one, await this.buildOne(one, context, { JETTISON_HOME: home, ...one.env }));
      rmSync(home, { recursive: true, force: true });
      rmSync(context, { recursive: true, force: true });
      rmSync(baseFolder(context), { recursive: true, force: true });
    });
  }

  async buildOne(one, context, env) {
    const argv = [...this.command, 'build', '--network=none', '--progress=plain', '-t', tagOf(one)];
    if (one.base !== undefined) argv.push('--build-context', `base=oci-layout://${baseFolder(context)}`);
    const built = await run([...argv, ...fileArgs(one, context), context], { env });
    if (built.code !== 0) {
      const crashed = built.code !== 1 && built.code !== 2;
      const bug = crashed || /^\s+at .*:\d+:\d+\)?$/m.test(built.err);
      const [message] = bug ? [built.err] : withoutAddress(one, [fromError(built.err)]);
      return { ok: false, bug, message };
    }
    const archive = await output([...this.command, 'save', tagOf(one)], { env });
    return { ok: true, summary: withoutAddress(one, summarise(archive, this.layers).get(tagOf(one))) };
  }
}

/** What is said from the error on. */
function fromError(text) {
  return text.slice(text.search(/^error: /m)).trimEnd();
}
