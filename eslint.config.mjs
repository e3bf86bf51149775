// @ts-check
import regexp from 'eslint-plugin-regexp'
import withNuxt from './.nuxt/eslint.config.mjs'

/** @param {string[]} files @param {{ group: string[], message: string }[]} patterns */
const zone = (files, patterns) => ({ files, rules: { 'no-restricted-imports': ['error', { patterns }] } })

export default withNuxt(
  {
    rules: {
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      '@stylistic/max-statements-per-line': ['error', { max: 2 }],
      '@stylistic/quote-props': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  // A pattern is tried in time in proportion to the text, whatever the text: what it is tried on comes from users.
  {
    files: ['app/**', 'server/**', 'shared/**', 'drizzle/**'],
    plugins: { regexp },
    rules: { 'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }], 'regexp/no-super-linear-move': ['error', { report: 'potential' }] },
  },
  { files: ['app/{pages,layouts}/**/*.vue', 'app/*.vue'], rules: { 'vue/multi-word-component-names': 'off' } },
  // Who may import whom: app → shared; api → utils, db, shared; shared → zod, re2js.
  zone(['app/**/*.{ts,vue}'], [
    { group: ['**/server/**', '**/drizzle/**', 'drizzle-orm*', 'pg'], message: 'The app knows shared/ only.' },
  ]),
  zone(['shared/**/*.ts'], [
    { regex: '^(?!(?:zod|re2js)$|\\./|\\.\\./(?:problem\\.ts|visible\\.ts|commands/|read-models/))', message: 'shared/ imports zod, re2js and itself only.' },
  ]),
  zone(['server/api/**/*.ts'], [
    { group: ['pg', '**/server/cli/**', '**/server/deploy/**', '**/server/embedded/**', '**/app/**'], message: 'A route knows server/utils, server/db and shared/.' },
  ]),
  zone(['server/db/**/*.ts'], [
    { group: ['~*', '#*', 'h3', 'nitropack*', '**/server/api/**', '**/utils/**', '**/app/**'], message: 'server/db runs without Nitro too: relative imports, no framework.' },
  ]),
  zone(['server/db/queries/**/*.ts', 'server/db/functions/**/*.ts'], [
    { group: ['~*', '#*', 'h3', 'nitropack*'], message: 'server/db runs without Nitro too.' },
    { group: ['pg'], allowTypeImports: true, message: 'Only server/db/client.ts opens a pool.' },
  ]),
  zone(['drizzle/schema/**/*.ts'], [
    { group: ['../**', '~*', '#*'], message: 'The schema knows drizzle-orm only.' },
  ]),
)
