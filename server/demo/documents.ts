import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Source } from '../import/source.ts'

const CHANGELOGS = 24

const isMarkdown = (file: string) => /\.md$/i.test(file)

/** Packages that this project itself asks for. */
function directDependencies(root: string): string[] {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<'dependencies' | 'devDependencies', Record<string, string>>
  return Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).sort()
}

/** Every installed package by name, scoped ones included. */
function installedPackages(modules: string): string[] {
  return readdirSync(modules).sort().flatMap(name =>
    name.startsWith('@') ? readdirSync(join(modules, name)).sort().map(inner => `${name}/${inner}`) : name.startsWith('.') ? [] : [name])
}

function markdownOf(modules: string, name: string, wanted: RegExp): Source[] {
  const folder = join(modules, name)
  if (!statSync(folder).isDirectory()) return []
  return readdirSync(folder).filter(file => isMarkdown(file) && wanted.test(file)).map(file => ({ file: join(folder, file), relativePath: `packages/${name}/${file}` }))
}

/**
 * The demo's documents, all real: this project's own, the README of every package that it asks for, and
 * the largest changelogs among the installed ones.
 */
export function demoDocuments(root: string): Source[] {
  const modules = join(root, 'node_modules')
  const docs = join(root, 'docs')
  const own = [
    { file: join(root, 'README.md'), relativePath: 'iu-core/README.md' },
    ...readdirSync(docs).filter(isMarkdown).sort().map(file => ({ file: join(docs, file), relativePath: `iu-core/docs/${file}` })),
  ]
  const readmes = directDependencies(root).filter(name => existsSync(join(modules, name))).flatMap(name => markdownOf(modules, name, /^readme\.md$/i))
  const changelogs = installedPackages(modules)
    .flatMap(name => markdownOf(modules, name, /^(changelog|history|release-notes)\.md$/i))
    .map(source => ({ source, size: statSync(source.file).size }))
    .sort((a, b) => b.size - a.size || (a.source.file < b.source.file ? -1 : 1))
    .slice(0, CHANGELOGS)
    .map(({ source }) => source)
  return [...own, ...readmes, ...changelogs]
}
