import { constants } from 'node:os';
import { bytesOfName } from '../layer/names.ts';
import { type FilteredArchitecture, syscallNumbers } from './syscall-numbers.ts';

/**
 * Programs of a few hundred bytes that only make a sequence of system calls: the last program before a command. They
 * need no loader, library or variables, so they start in the time of a system call, do not depend on the image's
 * content, and are not programs of the machine that a command could open.
 *
 * The machine code is the same in all of them. It walks a list of records, each a call with its arguments and the
 * outcomes of its failures. Everything else is data:
 *
 *     record:  number, 6 arguments, address of its outcomes      (8 words of 64 bits; the next record follows)
 *     outcome: negative errno, address of the record to continue with; errno 0: any other error
 */
const CODE: Partial<Record<NodeJS.Architecture, Machine>> = {
  x64: {
    numbers: 'SCMP_ARCH_X86_64',
    elf: 62,
    firstRecordAt: 2,
    code: [
      '48bb 0000000000000000', //     mov  rbx, first record
      '488b03', //             step:  mov  rax, [rbx]
      '488b7b08', //                  mov  rdi, [rbx + 8]
      '488b7310', //                  mov  rsi, [rbx + 16]
      '488b5318', //                  mov  rdx, [rbx + 24]
      '4c8b5320', //                  mov  r10, [rbx + 32]
      '4c8b4328', //                  mov  r8, [rbx + 40]
      '4c8b4b30', //                  mov  r9, [rbx + 48]
      '0f05', //                      syscall
      '4885c0', //                    test rax, rax
      '7806', //                      js   failed
      '4883c340', //                  add  rbx, 64
      'ebd8', //                      jmp  step
      '488b4b38', //           failed: mov rcx, [rbx + 56]
      '488b11', //             next:  mov  rdx, [rcx]
      '488b5908', //                  mov  rbx, [rcx + 8]
      '4883c110', //                  add  rcx, 16
      '4885d2', //                    test rdx, rdx
      '74c4', //                      jz   step
      '4839c2', //                    cmp  rdx, rax
      '74bf', //                      je   step
      'ebe9', //                      jmp  next
    ],
  },
  arm64: {
    numbers: 'SCMP_ARCH_AARCH64',
    elf: 183,
    firstRecordAt: 64,
    code: [
      '13020058', //                  ldr  x19, first record
      '680240f9', //           step:  ldr  x8, [x19]
      '608640a9', //                  ldp  x0, x1, [x19, #8]
      '628e41a9', //                  ldp  x2, x3, [x19, #24]
      '649642a9', //                  ldp  x4, x5, [x19, #40]
      '010000d4', //                  svc  #0
      '6000f8b7', //                  tbnz x0, #63, failed
      '73020191', //                  add  x19, x19, #64
      'f9ffff17', //                  b    step
      '691e40f9', //           failed: ldr x9, [x19, #56]
      '2a4dc1a8', //           next:  ldp  x10, x19, [x9], #16
      'cafeffb4', //                  cbz  x10, step
      '5f0100eb', //                  cmp  x10, x0
      '80feff54', //                  b.eq step
      'fcffff17', //                  b    next
      '1f2003d5', //                  nop
      '0000000000000000', //          the address of the first record
    ],
  },
};

interface Machine {
  numbers: FilteredArchitecture;
  /** `e_machine` in the header. */
  elf: number;
  /** Offset in the code of the address of the first record. */
  firstRecordAt: number;
  code: string[];
}

/** Load address, the default of linkers. */
const BASE = 0x400000;
const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
const PAGE = 0x10000;
const WORD = 8;
const RECORD_WORDS = 8;
const OUTCOME_BYTES = 2 * WORD;
const STDERR = 2;

/** An argument of a call: a number, or the address of data in the program. */
export type Argument = number | bigint | Uint8Array | Words;

/** An array of words of 64 bits: numbers, and addresses of data. */
export class Words {
  constructor(readonly words: readonly (number | bigint | Uint8Array)[]) {}
}

/** A call, and the next step for its failures: by the errno's name, or `any`. Other failures end the program. */
export interface Call {
  name: string;
  args: readonly Argument[];
  failures?: Readonly<Record<string, Next>>;
}

/** The end, with a message on standard error. */
export interface End {
  say: string;
  exitCode: number;
}

/** The next step: the next call, other calls, or the end. */
export type Next = 'continue' | End | readonly Call[];

/** A text with a terminating NUL. */
export function cText(text: string): Uint8Array {
  return Buffer.concat([bytesOfName(text), Buffer.of(0)]);
}

/** Whether such programs can be made for an architecture. */
export function canMakePrograms(architecture: NodeJS.Architecture = process.arch): boolean {
  return CODE[architecture] !== undefined;
}

/**
 * The bytes of an ELF executable that makes these calls. The last call must not return.
 *
 * @param architecture must satisfy `canMakePrograms`
 */
export function callProgram(
  calls: readonly Call[],
  architecture: NodeJS.Architecture = process.arch,
): Buffer {
  return new Layout(CODE[architecture]!).link(calls);
}

/** Places records and data one after the other. Addresses have less than 32 bits. */
class Layout {
  readonly #parts: Buffer[] = [];
  readonly #placed = new Map<Uint8Array | Words, number>();
  readonly #records = new Map<readonly Call[], number>();
  /** Parts that calls share, by their content. */
  readonly #ends = new Map<string, number>();
  readonly #listed = new Map<string, number>();
  readonly #numbers: ReadonlyMap<string, number>;
  #end: number;

  readonly #machine: Machine;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#numbers = syscallNumbers(machine.numbers);
    const code = Buffer.from(machine.code.join('').replaceAll(' ', ''), 'hex');
    this.#end = BASE + HEADER_BYTES + SEGMENT_BYTES;
    this.#place(code);
  }

  link(calls: readonly Call[]): Buffer {
    const first = this.#list(calls);
    const headers = Buffer.alloc(HEADER_BYTES + SEGMENT_BYTES);
    const bytes = Buffer.concat([headers, ...this.#parts]);
    writeWord(bytes, headers.length + this.#machine.firstRecordAt, first);
    // Elf64_Ehdr: 64 bits, little endian, an executable at fixed addresses.
    Buffer.from('7f454c4602010100', 'hex').copy(bytes);
    bytes.writeUInt16LE(2, 16);
    bytes.writeUInt16LE(this.#machine.elf, 18);
    bytes.writeUInt32LE(1, 20);
    writeWord(bytes, 24, BASE + headers.length);
    writeWord(bytes, 32, HEADER_BYTES);
    bytes.writeUInt16LE(HEADER_BYTES, 52);
    bytes.writeUInt16LE(SEGMENT_BYTES, 54);
    bytes.writeUInt16LE(1, 56);
    // Elf64_Phdr: all of the file, to read and to execute.
    bytes.writeUInt32LE(1, HEADER_BYTES);
    bytes.writeUInt32LE(5, HEADER_BYTES + 4);
    for (const at of [16, 24]) writeWord(bytes, HEADER_BYTES + at, BASE);
    for (const at of [32, 40]) writeWord(bytes, HEADER_BYTES + at, bytes.length);
    writeWord(bytes, HEADER_BYTES + 48, PAGE);
    return bytes;
  }

  /** Places the records of calls, and their data. @returns the address of the first one */
  #list(calls: readonly Call[]): number {
    const known = this.#records.get(calls);
    if (known !== undefined) return known;
    const records = Buffer.alloc(calls.length * RECORD_WORDS * WORD);
    const start = this.#place(records);
    this.#records.set(calls, start);
    for (const [index, { name, args, failures = {} }] of calls.entries()) {
      const at = index * RECORD_WORDS * WORD;
      const next = start + at + RECORD_WORDS * WORD;
      writeWord(records, at, this.#number(name));
      for (const [word, argument] of args.entries())
        writeWord(records, at + (1 + word) * WORD, this.#value(argument));
      // It cannot fail.
      if (name !== 'exit_group')
        writeWord(records, at + (RECORD_WORDS - 1) * WORD, this.#outcomes(name, failures, next));
    }
    return start;
  }

  #outcomes(name: string, failures: Readonly<Record<string, Next>>, next: number): number {
    const { any = { say: `${name} failed`, exitCode: 125 }, ...known } = failures;
    const outcomes = [...Object.entries(known), ['', any] as const];
    const bytes = Buffer.alloc(outcomes.length * OUTCOME_BYTES);
    for (const [index, [errno, then]] of outcomes.entries()) {
      const number = errno === '' ? 0 : -constants.errno[errno as keyof typeof constants.errno];
      writeWord(bytes, index * OUTCOME_BYTES, number);
      writeWord(bytes, index * OUTCOME_BYTES + WORD, then === 'continue' ? next : this.#then(then));
    }
    return shared(this.#listed, bytes.toString('latin1'), () => this.#place(bytes));
  }

  #then(next: Exclude<Next, 'continue'>): number {
    if (!('say' in next)) return this.#list(next);
    return shared(this.#ends, `${next.exitCode} ${next.say}`, () => {
      const said = Buffer.from(`${next.say}\n`);
      const end = { name: 'exit_group', args: [next.exitCode] };
      return this.#list([
        { name: 'write', args: [STDERR, said, said.length], failures: { any: [end] } },
        end,
      ]);
    });
  }

  #value(argument: Argument): number | bigint {
    if (typeof argument !== 'object') return argument;
    const placed = this.#placed.get(argument);
    if (placed !== undefined) return placed;
    let bytes = argument as Uint8Array;
    if (argument instanceof Words) {
      const values = argument.words.map((word) => this.#value(word));
      const words = Buffer.alloc(values.length * WORD);
      for (const [index, value] of values.entries()) writeWord(words, index * WORD, value);
      bytes = words;
    }
    const at = this.#place(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.#placed.set(argument, at);
    return at;
  }

  /** Appends bytes, which may be filled in later. @returns their address */
  #place(bytes: Buffer): number {
    const at = this.#end;
    const padding = (WORD - (bytes.length % WORD)) % WORD;
    this.#parts.push(bytes);
    if (padding > 0) this.#parts.push(Buffer.alloc(padding));
    this.#end += bytes.length + padding;
    return at;
  }

  #number(name: string): number {
    const number = this.#numbers.get(name);
    if (number === undefined) throw new Error(`${this.#machine.numbers} has no call ${name}`);
    return number;
  }
}

function shared(known: Map<string, number>, key: string, make: () => number): number {
  const at = known.get(key) ?? make();
  known.set(key, at);
  return at;
}

/** Writes 64 bits, little endian, over zeros. */
function writeWord(bytes: Buffer, at: number, value: number | bigint): void {
  if (typeof value === 'number' && value >= 0 && value <= 0xffffffff) bytes.writeUInt32LE(value, at);
  else bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), at);
}
