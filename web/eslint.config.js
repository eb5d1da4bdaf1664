import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

// Views draw and ask; only the source knows how an answer travels.
const onlyTheSourceFetches = [
  { name: 'fetch', message: 'Ask x.api: every request goes through one Source.' },
  { name: 'XMLHttpRequest', message: 'Ask x.api: every request goes through one Source.' },
  { name: 'WebSocket', message: 'Ask x.api: every request goes through one Source.' },
  { name: 'EventSource', message: 'Ask x.api: every request goes through one Source.' },
];

export default ts.config(
  { ignores: ['node_modules', 'src/api/schema.ts', 'openapi.json'] },
  js.configs.recommended,
  ...ts.configs.strictTypeChecked,
  ...svelte.configs.recommended,
  {
    languageOptions: {
      globals: { ...globals.browser },
      parserOptions: {
        projectService: { allowDefaultProject: ['*.js'] },
        extraFileExtensions: ['.svelte'],
      },
    },
    rules: {
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'svelte/prefer-svelte-reactivity': 'off',
      'no-restricted-globals': ['error', ...onlyTheSourceFetches],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'No invented numbers.' },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // A bare `void [a, b]` says what an effect watches.
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts', '**/*.svelte.js'],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
  },
  {
    files: ['**/*.svelte'],
    rules: {
      'max-lines': ['error', { max: 200 }],
      'max-lines-per-function': 'off',
      // What a snippet is handed is typed for svelte-check alone.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      'svelte/require-each-key': 'error',
      'svelte/no-at-html-tags': 'error',
    },
  },
  {
    files: ['src/core/http.ts', 'src/core/export/*.ts'],
    rules: { 'no-restricted-globals': 'off' },
  },
  { files: ['**/*.test.ts'], rules: { 'max-lines-per-function': 'off' } },
  { files: ['*.js'], ...ts.configs.disableTypeChecked },
  { files: ['**/{en,zh}.ts'], rules: { 'max-lines': 'off' } },
);
