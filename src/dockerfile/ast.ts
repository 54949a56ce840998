import type { Location } from '../errors/error.ts';

/** A piece of an instruction as written: quotes, escapes and variables untouched. */
export interface Word {
  text: string;
  location: Location;
}

/** `--name=value`, or `--name` alone (then `value` is undefined). */
export interface Flag {
  name: string;
  value?: Word;
  location: Location;
}

/** A here-document: its delimiter line and its body (with the final newline). */
export interface Heredoc {
  name: string;
  /** `<<EOF` expands variables in the body, `<<"EOF"` does not. */
  expand: boolean;
  /** `<<-EOF`: leading tabs are removed from each line of `body`. */
  stripTabs: boolean;
  body: string;
  /** The body with its tabs, if some were removed. */
  raw?: string;
  location: Location;
}

/** Shell form (one string for the shell) or exec form (a JSON array of strings). */
export type Command =
  | {
      form: 'shell';
      text: string;
      location: Location;
      /** The syntax error of a text that begins as a JSON array. */
      fault?: { message: string; location: Location };
    }
  | { form: 'exec'; args: string[]; location: Location };

interface Base {
  location: Location;
  /** The instruction's own text, all lines of it, exactly as in the file (with heredoc bodies). */
  source: string;
  /** The keyword as written, e.g. `from`. */
  keyword: string;
  flags: Flag[];
  /** The comment lines directly above, without `#`, back to an empty comment; absent without any. */
  comments?: string[];
}

export interface FromInstruction extends Base {
  kind: 'FROM';
  image: Word;
  /** The word between image and name, as written: `AS`. */
  as?: Word;
  /** As written; the stage's own `name` is in lower case. */
  name?: Word;
  platform?: Word;
}
export interface ArgInstruction extends Base {
  kind: 'ARG';
  args: { name: Word; value?: Word }[];
}
/** ENV and LABEL; the old `ENV key rest of line` form has `legacy`. */
export interface PairsInstruction extends Base {
  kind: 'ENV' | 'LABEL';
  pairs: { key: Word; value: Word }[];
  legacy: boolean;
}
export interface CopyInstruction extends Base {
  kind: 'COPY' | 'ADD';
  /** Without heredocs, which are in `heredocs`. */
  sources: Word[];
  heredocs: Heredoc[];
  destination: Word;
  /** COPY only. */
  from?: Word;
  chown?: Word;
  chmod?: Word;
  link?: Word | true;
  /** COPY only. */
  parents?: Word | true;
  exclude: Word[];
  /** ADD only. */
  checksum?: Word;
  unpack?: Word | true;
  keepGitDir?: Word | true;
}
export interface RunInstruction extends Base {
  kind: 'RUN';
  command: Command;
  heredocs: Heredoc[];
  /** Parsed `--mount` options in order; keys in lower case, values as written. */
  mounts: { options: { key: string; value?: Word }[]; location: Location }[];
  network?: Word;
  security?: Word;
  /** CDI devices, as written. */
  devices: Word[];
}
export interface CommandInstruction extends Base {
  kind: 'CMD' | 'ENTRYPOINT';
  command: Command;
}
export interface HealthcheckInstruction extends Base {
  kind: 'HEALTHCHECK';
  /** `none` disables an inherited check. */
  check: { type: 'none' } | { type: 'command'; command: Command };
  /** As written: Go durations (`30s`, `1m30s`) and a count. */
  interval?: Word;
  timeout?: Word;
  startPeriod?: Word;
  startInterval?: Word;
  retries?: Word;
}
export interface ShellInstruction extends Base {
  kind: 'SHELL';
  args: string[];
}
/** EXPOSE and VOLUME: a list of words. */
export interface ListInstruction extends Base {
  kind: 'EXPOSE' | 'VOLUME';
  words: Word[];
}
/** WORKDIR, USER, STOPSIGNAL, MAINTAINER: one argument, the rest of the line. */
export interface ValueInstruction extends Base {
  kind: 'WORKDIR' | 'USER' | 'STOPSIGNAL' | 'MAINTAINER';
  value: Word;
}
export interface OnbuildInstruction extends Base {
  kind: 'ONBUILD';
  /**
   * The trigger's instruction. Absent if it is invalid: Docker rejects it only in the build that runs it, and there is
   * a diagnostic here.
   */
  trigger?: Instruction;
  /** The trigger in the image config: the text after ONBUILD, heredoc bodies included. */
  text: string;
}

export type Instruction =
  | FromInstruction
  | ArgInstruction
  | PairsInstruction
  | CopyInstruction
  | RunInstruction
  | CommandInstruction
  | HealthcheckInstruction
  | ShellInstruction
  | ListInstruction
  | ValueInstruction
  | OnbuildInstruction;

/** A finding that does not stop a build. `code` is BuildKit's rule id, if it has one. */
export interface Diagnostic {
  code: string;
  message: string;
  location: Location;
  hint?: string;
  /** Index of its stage: the finding is dropped if that stage is not built. */
  stage?: number;
}

/** The options of `# check=`: ids of rules, or `all`. */
export interface CheckOptions {
  skip: string[] | 'all';
  /** Any finding fails the build. */
  error: boolean;
  /** Experimental rules to run. */
  experimental: string[] | 'all';
}

/** One piece of the file. All pieces joined are the file, byte for byte. */
export type Part =
  | { kind: 'directive'; text: string; name: string; value: string; location: Location }
  | { kind: 'comment' | 'blank'; text: string; location: Location }
  | { kind: 'instruction'; text: string; instruction: Instruction };

/** A parsed Dockerfile. */
export interface Dockerfile {
  file: string;
  parts: Part[];
  directives: { syntax?: string; escape: '\\' | '`'; check?: string };
  /** The options of the `check` directive. */
  checks: CheckOptions;
  /** ARGs before the first FROM, in order. */
  globals: ArgInstruction[];
  stages: StageText[];
  /** Findings about the text, without those that `check` comments skip. */
  diagnostics: Diagnostic[];
}

/** A stage as written: its FROM and the instructions after it. */
export interface StageText {
  index: number;
  from: FromInstruction;
  /** Lower case; absent without AS. */
  name?: string;
  instructions: Exclude<Instruction, FromInstruction>[];
}
