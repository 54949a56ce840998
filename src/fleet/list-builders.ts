import { JettisonError } from '../errors/error.ts';
import { type BuilderAddress, parseBuilder, parseBuilders } from './builder-address.ts';
import { BuilderConnection } from './builder-connection.ts';
import { type BuilderFacts, builderFacts } from './builder-facts.ts';
import { buildxNames } from './buildx-instances.ts';
import type { LinkEnvironment } from './link.ts';
import { namedBuilders, RUNNING_ENGINE } from './named-builders.ts';

/** A builder, and what it says of itself, or why it does not. */
export interface ListedBuilder {
  name: string;
  address: string;
  facts: BuilderFacts | undefined;
  error: JettisonError | undefined;
}

const PATIENCE_MS = 5000;

/** The builders of JETTISON_BUILDERS and of `docker buildx`, and the running engine if there is one. */
export async function listBuilders(environment: LinkEnvironment): Promise<ListedBuilder[]> {
  const { env } = environment;
  const names = [...new Set([...namedBuilders(env), ...buildxNames(env), RUNNING_ENGINE])];
  const found = await Promise.all(names.map((name) => list(name, environment)));
  return found.flat().filter(({ name, facts }) => facts !== undefined || name !== RUNNING_ENGINE);
}

/** What the builders of an address, or of a name, say of themselves. @throws JettisonError */
export async function inspectBuilders(
  text: string,
  environment: LinkEnvironment,
): Promise<({ address: string } & BuilderFacts)[]> {
  return Promise.all(
    parseBuilders([text], environment).map(async (builder) => ({
      address: builder.text,
      ...(await factsOf(builder, environment.signal)),
    })),
  );
}

async function list(name: string, environment: LinkEnvironment): Promise<ListedBuilder[]> {
  const { signal } = environment;
  let builders: BuilderAddress[];
  try {
    builders = parseBuilder(name, environment);
  } catch (error) {
    if (!(error instanceof JettisonError)) throw error;
    return [{ name, address: '', facts: undefined, error }];
  }
  return Promise.all(
    builders.map(async (builder) => {
      const listed = { name, address: builder.text };
      try {
        const within = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
        return { ...listed, facts: await factsOf(builder, within), error: undefined };
      } catch (error) {
        signal.throwIfAborted();
        return { ...listed, facts: undefined, error: shown(error) };
      }
    }),
  );
}

async function factsOf(builder: BuilderAddress, signal: AbortSignal): Promise<BuilderFacts> {
  const connection = await BuilderConnection.open(builder, signal);
  try {
    return await builderFacts(connection);
  } finally {
    connection.close();
  }
}

function shown(error: unknown): JettisonError {
  if (error instanceof JettisonError) return error;
  if ((error as Error).name !== 'TimeoutError') throw error;
  return new JettisonError('BUILDER_UNREACHABLE', `no answer within ${PATIENCE_MS / 1000} seconds`, {});
}
