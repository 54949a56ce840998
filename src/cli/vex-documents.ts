import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import type { Image } from '../image/image.ts';
import { familiarName, type Reference } from '../image/reference.ts';
import { attachedDocuments } from '../registry/attached-documents.ts';
import { useRegistries } from '../registry/registries.ts';
import { isOpenVex, readOpenVex, referenceOf, type VexImage, type VexStatement } from '../scan/openvex.ts';
import type { Io } from './command.ts';

/** The value of `--vex` that means the documents beside the image in its registry. */
const ATTACHED = 'oci';

/** What `--vex` names: the statements of a file, or the documents beside the image in its registry. */
export type VexSource = VexStatement[] | typeof ATTACHED;

/** Reads the files that `--vex` names. @throws JettisonError `VEX_INVALID` */
export function readVexFiles(vex: readonly string[], io: Io): VexSource[] {
  return vex.map((source) => (source === ATTACHED ? ATTACHED : readOpenVex(jsonOf(source, io), source)));
}

/**
 * The statements that `--vex` names, of files and of documents that are attached to the image.
 *
 * @param name of the image, as given
 * @throws JettisonError `VEX_INVALID`, `REGISTRY_…`
 */
export async function vexStatements(
  choice: { vex: readonly VexSource[]; name: string; insecure: boolean },
  image: Image,
  io: Io,
): Promise<{ statements: VexStatement[]; about: VexImage }> {
  // Archives and folders have none.
  const reference = referenceOf(choice.name.replace(/^(registry|docker|podman):\/\//, ''));
  const digests = new Set<string>([image.descriptor.digest, image.id]);
  const statements: VexStatement[] = [];
  for (const source of choice.vex) {
    if (source !== ATTACHED) {
      statements.push(...source);
      continue;
    }
    if (reference === undefined) {
      throw new JettisonError('VEX_INVALID', `--vex oci: ${choice.name} is not an image of a registry`, {
        hint: 'Name the image as it is in its registry, or a file: --vex FILE.',
        exitCode: 2,
      });
    }
    const { digest, found } = await attached(reference, image, choice.insecure, io);
    if (digest !== undefined) digests.add(digest);
    statements.push(...found);
  }
  return { statements, about: { reference, digests: [...digests] } };
}

/** The documents of an image, and of the index that its name stands for. */
async function attached(
  reference: Reference,
  { descriptor }: Image,
  insecure: boolean,
  { env, signal }: Io,
): Promise<{ digest: VexImage['digests'][number] | undefined; found: VexStatement[] }> {
  return useRegistries({ env, signal, insecure }, (registries) =>
    registries.read(reference, async (repository) => {
      const digest = await repository.manifestDigest(reference.digest ?? reference.tag ?? 'latest');
      const found: VexStatement[] = [];
      for (const subject of new Set([descriptor.digest, ...(digest === undefined ? [] : [digest])])) {
        for (const { manifest, value } of await attachedDocuments(repository, subject)) {
          const from = `${familiarName({ registry: repository.registry, repository: repository.name })}@${manifest}`;
          if (isOpenVex(value)) found.push(...readOpenVex(value, from, true));
        }
      }
      return { digest, found };
    }),
  );
}

/** @throws JettisonError `VEX_INVALID` */
function jsonOf(file: string, io: Io): unknown {
  try {
    return JSON.parse(readFileSync(resolve(io.cwd, file), 'utf8'));
  } catch (cause) {
    throw new JettisonError('VEX_INVALID', `cannot read ${file}: ${(cause as Error).message}`, {
      hint: 'Name an OpenVEX document in JSON, or oci: the documents that are attached to the image in its registry.',
      exitCode: 2,
      cause,
    });
  }
}
