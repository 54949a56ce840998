import { JettisonError } from '../errors/error.ts';
import { composeText } from './compose-file.ts';
import { dockerfileText } from './dockerfile-text.ts';
import { ignoreText } from './ignore-file.ts';
import type { Recipe, RecipeOptions } from './image-recipe.ts';
import { goRecipe } from './languages/go.ts';
import { javaRecipe } from './languages/java.ts';
import { nodeRecipe } from './languages/node.ts';
import { pythonRecipe } from './languages/python.ts';
import { staticSiteRecipe } from './languages/static-site.ts';
import type { ProjectFiles } from './project-files.ts';

type Language = (files: ProjectFiles, options: RecipeOptions) => Recipe | undefined;

/** Every language that init knows, each by its files. The first that applies counts: many projects have a package.json for tools. */
const LANGUAGES: readonly Language[] = [goRecipe, javaRecipe, pythonRecipe, nodeRecipe, staticSiteRecipe];

/** Files by name. */
export type WrittenFiles = Record<string, string>;

/**
 * Finds out what a project is, and how an image of it is built.
 *
 * @throws JettisonError `INIT_…` for what init cannot write a Dockerfile for
 */
export function findRecipe(files: ProjectFiles, options: RecipeOptions): Recipe {
  for (const language of LANGUAGES) {
    const recipe = language(files, options);
    if (recipe !== undefined) return recipe;
  }
  throw new JettisonError('INIT_UNKNOWN', 'no project that init knows was found in this folder', {
    hint: 'Init looks for package.json, go.mod, pom.xml, build.gradle, requirements.txt, pyproject.toml and index.html.',
  });
}

/** The files of a recipe. */
export function filesOf(recipe: Recipe, withCompose: boolean): WrittenFiles {
  return {
    Dockerfile: dockerfileText(recipe),
    '.dockerignore': ignoreText(recipe),
    ...(withCompose ? { 'compose.yaml': composeText(recipe) } : {}),
  };
}
