import { defineConfig } from 'eslint/config';
import typescript from 'typescript-eslint';

export default defineConfig({ ignores: ['dist', 'build'] }, typescript.configs.recommended);
