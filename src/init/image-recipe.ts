/** An image to write a Dockerfile for: what was detected, and the stages that build it. */
export interface Recipe {
  /** What was found, in one line: `Next.js 15 (standalone), npm, Node 24`. */
  description: string;
  /** Lines `ARG NAME=VALUE` before the first stage. */
  args: Step[];
  stages: Stage[];
  /** Lines of the ignore file, beside those of every project. */
  ignored: string[];
  /** TCP port that the service listens on. */
  port?: number;
  /** Path that a health check asks for. */
  health?: string;
  /** Base images of this machine's own files that the stages need. */
  hostBases: HostBase[];
  /** What the user should know or do, one sentence each. */
  notes: string[];
}

export interface HostBase {
  name: string;
  slim: boolean;
}

export interface Stage {
  /** One line above FROM: what the stage is for. */
  comment: string;
  from: string;
  name: string;
  steps: Step[];
}

/** One instruction; its continuation lines are in the text. */
export interface Step {
  /** The reason for it, one line. */
  comment?: string;
  text: string;
}

export type BaseFamily = 'alpine' | 'slim' | 'distroless' | 'host';

export interface RecipeOptions {
  /** Default: what fits best. */
  base: BaseFamily | undefined;
  /** The workspace or command to ship, by its name or folder. */
  app: string | undefined;
  staticServer: 'nginx' | 'caddy';
  /** The version of the Node that `--base host` brings. */
  hostNode: string;
}

export function step(text: string, comment?: string): Step {
  return comment === undefined ? { text } : { text, comment };
}
