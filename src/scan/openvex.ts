import { PackageURL } from 'packageurl-js';
import { JettisonError } from '../errors/error.ts';
import { membersOf, textOf, textsOf } from '../fields/json-values.ts';
import { parseReference, type Reference } from '../image/reference.ts';
import type { Ignored } from './ignore-rules.ts';
import type { Finding } from './match-advisories.ts';

/** OpenVEX's statuses. */
const STATUSES = ['not_affected', 'affected', 'fixed', 'under_investigation'] as const;
export type VexStatus = (typeof STATUSES)[number];

/** A product of a statement, and the parts of it that the statement is about: all of it where there are none. */
interface Product {
  purls: PackageURL[];
  /** SHA-256 digests, in hexadecimal. */
  digests: string[];
  subcomponents: PackageURL[];
  /** The image that the document is attached to. */
  isImage?: true;
}

/** A statement about some products and one flaw: `not_affected`, because the vulnerable code is not in them. */
export interface VexStatement {
  /** The flaw's id, and its aliases. */
  ids: string[];
  products: Product[];
  status: VexStatus;
  /** `vulnerable_code_not_in_execute_path`. */
  justification?: string;
  /** Why it is not affected, or what to do if it is. */
  note?: string;
  /** RFC 3339; of statements about the same thing the last one holds. */
  timestamp: string;
  /** The document that has it. */
  from: string;
}

/** The image that statements are compared with. */
export interface VexImage {
  reference: Reference | undefined;
  digests: readonly string[];
}

/** Whether a JSON document says that it is OpenVEX. */
export function isOpenVex(value: unknown): boolean {
  const context = membersOf(value)['@context'];
  return typeof context === 'string' && /^https:\/\/openvex\.dev\/ns(\/|$)/.test(context);
}

/**
 * The statements of an OpenVEX document: https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md
 *
 * @param from its name, for messages and reports
 * @param isAttached it comes with the image: statements without products are about that
 * @throws JettisonError `VEX_INVALID`
 */
export function readOpenVex(value: unknown, from: string, isAttached = false): VexStatement[] {
  if (!isOpenVex(value)) throw invalid(from, 'its @context is not https://openvex.dev/ns');
  const { statements, timestamp: made } = membersOf(value);
  if (!Array.isArray(statements)) throw invalid(from, 'it has no list of statements');
  return statements.map((item, at) => {
    const said = membersOf(item);
    const where = `statement ${at + 1}`;
    const ids = idsOf(said['vulnerability']);
    if (ids.length === 0) throw invalid(from, `${where} names no vulnerability`);
    const status = STATUSES.find((one) => one === said['status']);
    if (status === undefined)
      throw invalid(from, `${where} has the unknown status ${JSON.stringify(said['status'])}`);
    const note = textOf(said[status === 'affected' ? 'action_statement' : 'impact_statement']);
    const justification = textOf(said['justification']);
    if (status === 'not_affected' && justification === undefined && note === undefined) {
      throw invalid(from, `${where} says not_affected without a justification or an impact_statement`);
    }
    const products = listOf(said['products']).map((product) => productOf(product, said['subcomponents']));
    return {
      ...{ ids, status, from },
      products: products.length === 0 && isAttached ? [{ ...NOTHING, isImage: true }] : products,
      ...(justification !== undefined && { justification }),
      ...(note !== undefined && { note }),
      timestamp: textOf(said['timestamp']) ?? textOf(said['last_updated']) ?? textOf(made) ?? '',
    };
  });
}

/** Leaves out findings that a statement says are not affected or fixed; others keep what is said of them. */
export function applyVex(
  all: readonly Finding[],
  statements: readonly VexStatement[],
  image: VexImage,
): { findings: Finding[]; ignored: Ignored[] } {
  const findings: Finding[] = [];
  const ignored: Ignored[] = [];
  const packages = new Map(all.map(({ package: { purl } }) => [purl, parsePurl(purl)]));
  for (const finding of all) {
    const { advisory, package: one } = finding;
    const purl = packages.get(one.purl);
    const ids = [advisory.id, ...advisory.aliases];
    const [last] = statements
      .filter((statement) => statement.ids.some((id) => ids.includes(id)))
      .filter(({ products }) => products.some((product) => isAbout(product, purl, image)))
      .sort((a, b) => timeOf(b) - timeOf(a));
    if (last === undefined) findings.push(finding);
    else if (last.status === 'not_affected' || last.status === 'fixed') {
      const { status, justification, note, from } = last;
      const reason = [status.replace('_', ' '), justification?.replaceAll('_', ' '), note];
      ignored.push({
        finding,
        rule: {
          ...{ id: advisory.id, from, status },
          ...(justification !== undefined && { justification }),
          reason: reason.filter((part) => part !== undefined).join(': '),
        },
      });
    } else findings.push({ ...finding, vex: last });
  }
  return { findings, ignored };
}

const NOTHING: Product = { purls: [], digests: [], subcomponents: [] };

function isAbout(product: Product, purl: PackageURL | undefined, image: VexImage): boolean {
  const isPart = product.subcomponents.some((part) => purl !== undefined && includes(part, purl));
  if (product.isImage || product.digests.some((digest) => image.digests.includes(`sha256:${digest}`))) {
    return isPart || product.subcomponents.length === 0;
  }
  return product.purls.some((one) => {
    if (isImage(one, image)) return isPart || product.subcomponents.length === 0;
    return product.subcomponents.length === 0 && purl !== undefined && includes(one, purl);
  });
}

/** Whether a package URL that may leave things out (version, qualifiers) stands for a package. */
function includes(wanted: PackageURL, one: PackageURL): boolean {
  return (
    wanted.type === one.type &&
    (wanted.namespace ?? '') === (one.namespace ?? '') &&
    wanted.name === one.name &&
    (!wanted.version || wanted.version === one.version) &&
    Object.entries(wanted.qualifiers ?? {}).every(([key, value]) => one.qualifiers?.[key] === value)
  );
}

/** `pkg:oci/app@sha256:…?repository_url=ghcr.io/team/app`, or `pkg:docker/team/app@1.2`. */
function isImage(purl: PackageURL, { reference, digests }: VexImage): boolean {
  const { type, namespace, name, version, qualifiers } = purl;
  if (type !== 'oci' && type !== 'docker') return false;
  if (version?.startsWith('sha256:') && !digests.includes(version)) return false;
  if (reference === undefined) return version?.startsWith('sha256:') === true;
  const url = qualifiers?.['repository_url'];
  if (type === 'docker') {
    const wanted = referenceOf([url, namespace, name].filter(Boolean).join('/'));
    const isTag = !version || version.startsWith('sha256:') || version === reference.tag;
    return isTag && isSameRepository(wanted, reference);
  }
  if (name !== reference.repository.split('/').at(-1)?.toLowerCase()) return false;
  const tag = qualifiers?.['tag'];
  if (tag !== undefined && tag !== reference.tag) return false;
  if (url === undefined) return true;
  return (
    isSameRepository(referenceOf(url), reference) ||
    isSameRepository(referenceOf(`${url}/${name}`), reference)
  );
}

function isSameRepository(a: Reference | undefined, b: Reference): boolean {
  return a?.registry === b.registry && a.repository === b.repository;
}

/** The reference that a text is; undefined where it is none. */
export function referenceOf(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

function productOf(value: unknown, common: unknown): Product {
  const { hashes, subcomponents } = membersOf(value);
  const sha256 = textOf(membersOf(hashes)['sha-256']);
  return {
    purls: purlsOf(value),
    digests: sha256 === undefined ? [] : [sha256.toLowerCase()],
    // Before version 0.2.0 they belonged to the statement.
    subcomponents: [...listOf(subcomponents), ...listOf(common)].flatMap(purlsOf),
  };
}

/** Of a text, or an object with an `@id` and identifiers. */
function purlsOf(value: unknown): PackageURL[] {
  const { '@id': id, identifiers } = membersOf(value);
  const texts = [value, id, membersOf(identifiers)['purl']];
  return texts.flatMap((text) => (typeof text === 'string' ? (parsePurl(text) ?? []) : []));
}

function idsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  const { name, aliases, '@id': id } = membersOf(value);
  return [...textsOf([name]), ...textsOf([id]).map((url) => url.replace(/^.*\//, '')), ...textsOf(aliases)];
}

function parsePurl(text: string | undefined): PackageURL | undefined {
  try {
    return text?.startsWith('pkg:') ? PackageURL.fromString(text) : undefined;
  } catch {
    return undefined;
  }
}

function timeOf({ timestamp }: VexStatement): number {
  return Date.parse(timestamp) || 0;
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function invalid(from: string, reason: string): JettisonError {
  return new JettisonError('VEX_INVALID', `${from} is not a valid OpenVEX document: ${reason}`, {
    hint: 'Write it as https://github.com/openvex/spec describes, or with vexctl.',
  });
}
