import { type AttestationRequest, PROVENANCE_MODES, type ProvenanceRequest } from '../../attest/request.ts';
import { usageError } from '../../errors/error.ts';
import { booleanOf, fieldsOf } from '../../fields/csv.ts';
import { type Keys, setOptions } from '../../fields/keys.ts';

const TYPES = ['sbom', 'provenance'] as const;
type Type = (typeof TYPES)[number];

/** One `--attest`, `--sbom` or `--provenance`. */
export interface AttestFlag extends ProvenanceRequest {
  type: Type;
  disabled?: boolean;
}

const disabled: Keys<AttestFlag>[string] = {
  value: 'true',
  help: 'Makes none, as `--sbom=false` and `--provenance=false` do.',
  set(flag, value, { key }) {
    flag.disabled = booleanOf(value, key);
  },
};

/** Keys of the types. */
const ATTEST_KEYS: Record<Type, Keys<AttestFlag>> = {
  sbom: {
    disabled,
    generator: {
      value: 'IMAGE',
      help: 'Not supported: Jettison makes the SBOM itself.',
      set() {
        throw usageError('generator= is not supported: no scanner image is run', 'Leave it out.');
      },
    },
  },
  provenance: {
    mode: {
      value: PROVENANCE_MODES.join('|'),
      help: 'How much it says: see above. Default: `max`.',
      set(flag, value) {
        const mode = PROVENANCE_MODES.find((one) => one === value);
        if (mode === undefined)
          throw usageError(`invalid mode "${value}"`, `The modes are ${PROVENANCE_MODES.join(' and ')}.`);
        flag.mode = mode;
      },
    },
    'builder-id': {
      value: 'URI',
      help: 'The `runDetails.builder.id`. Default: empty, as in BuildKit.',
      set(flag, value) {
        flag.builderId = value;
      },
    },
    version: {
      value: 'v1',
      help: 'Of SLSA provenance. Only `v1` is written.',
      set(_, value) {
        if (value !== 'v1') throw usageError(`version=${value} is not supported`, 'Only v1 is written.');
      },
    },
    reproducible: {
      value: 'false',
      help: 'Accepted for compatibility: only a build that was checked may be called reproducible.',
      set(_, value, { key }) {
        if (booleanOf(value, key))
          throw usageError(
            'reproducible=true is a claim that this build does not check',
            'Leave it out: `jettison build --reproducible` makes the same digests anywhere.',
          );
      },
    },
    'inline-only': {
      value: 'true',
      help: 'Accepted for compatibility: attestations are stored with images only.',
      set(_, value, { key }) {
        booleanOf(value, key);
      },
    },
    disabled,
  },
};

/** `type=sbom|provenance[,KEY=VALUE…]` @throws JettisonError with exit code 2 */
export function parseAttest(text: string): AttestFlag {
  const fields = new Map(fieldsOf(text, '--attest'));
  const type = TYPES.find((one) => one === fields.get('type'));
  if (type === undefined) {
    const given = fields.get('type');
    const what = given === undefined ? `"${text}" has no type` : `unknown attestation type "${given}"`;
    throw usageError(what, `Write --attest type=${TYPES.join(' or type=')}.`);
  }
  fields.delete('type');
  return withFields(type, fields);
}

/** `true`, `false`, or the keys of the type. @throws JettisonError with exit code 2 */
export function parseShort(type: Type, text: string): AttestFlag {
  if (/^(?:1|t|true|0|f|false)$/i.test(text)) return { type, disabled: !booleanOf(text, type) };
  if (!text.includes('=')) {
    const more = type === 'provenance' ? ', mode=min or mode=max' : '';
    throw usageError(`invalid value "${text}"`, `The values are true and false${more}.`);
  }
  return withFields(type, new Map(fieldsOf(text, `--${type}`)));
}

function withFields(type: Type, fields: ReadonlyMap<string, string>): AttestFlag {
  const flag: AttestFlag = { type };
  setOptions(flag, fields, ATTEST_KEYS[type], '', {
    unknown: (key) => `type=${type} has no "${key}"`,
    missing: (key) => `type=${type} needs ${key}=`,
    docs: 'docs/attest.md',
  });
  return flag;
}

/** Adds what flags ask for. @throws JettisonError with exit code 2 for a type that is asked for twice */
export function addAttestations(
  options: { attest?: AttestationRequest },
  flags: readonly AttestFlag[],
): void {
  const seen = new Set<Type>();
  for (const { type, disabled: none, ...request } of flags) {
    if (seen.has(type)) {
      throw usageError(
        `the attestation "${type}" is asked for twice`,
        `Use --${type} or --attest type=${type} once.`,
      );
    }
    seen.add(type);
    if (none) continue;
    options.attest = { ...options.attest, ...(type === 'sbom' ? { sbom: true } : { provenance: request }) };
  }
}
