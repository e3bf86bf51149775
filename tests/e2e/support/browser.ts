import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from '@playwright/test'
import { type Machine, thisMachine } from './machine.ts'
import { packagedChromium } from './packaged-chromium.ts'

const SYSTEM = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']

export type Tell = (message: string) => void
/** A way to a browser. */
export interface Way {
  name: string
  /** Its path. @throws {Error} that says why there is none. */
  find: (machine: Machine, tell: Tell) => Promise<string> | string
}

function onPath({ path }: Machine): string {
  const found = path.flatMap(folder => SYSTEM.map(name => join(folder, name))).find(file => existsSync(file))
  if (!found) throw new Error(`none of ${SYSTEM.join(', ')} is on PATH`)
  return found
}

/** Where Playwright keeps its own; it throws on a platform for which there is none. */
function ofPlaywright(): string {
  const path = chromium.executablePath()
  if (!existsSync(path)) throw new Error(`${path} is not installed`)
  return path
}

async function fromPlaywright({ run }: Machine, tell: Tell): Promise<string> {
  tell('installing Playwright\'s Chromium')
  await run(process.execPath, [join(import.meta.dirname, '../../../node_modules/@playwright/test/cli.js'), 'install', 'chromium'])
  return ofPlaywright()
}

async function fromDebian(machine: Machine, tell: Tell): Promise<string> {
  if (!machine.isRoot) throw new Error('apt-get needs root')
  tell('installing Debian\'s chromium')
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  await machine.run('apt-get', ['update', '-qq'], { env })
  await machine.run('apt-get', ['install', '-qq', '-y', '--no-install-recommends', 'chromium'], { env })
  return onPath(machine)
}

/**
 * A headless shell draws no browser around the page and takes two thirds of the time, so the packaged one comes first. Then what
 * is there before what must be fetched, and what anybody may fetch before what root alone may.
 */
export const WAYS: Way[] = [
  { name: 'the packaged Chromium', find: packagedChromium },
  { name: 'Playwright\'s Chromium', find: ofPlaywright },
  { name: 'a Chromium of the system', find: onPath },
  { name: 'Playwright\'s Chromium, fetched', find: fromPlaywright },
  { name: 'Debian\'s chromium, installed', find: fromDebian },
]

/**
 * The path of a Chromium that starts: IU_CHROMIUM, else one that is installed, else one that is fetched. Each way that
 * fails is told, with its reason.
 * @throws {Error} that says what was tried.
 */
export async function findBrowser(tell: Tell, { given = process.env.IU_CHROMIUM, ways = WAYS, machine = thisMachine() }: { given?: string, ways?: Way[], machine?: Machine } = {}): Promise<string> {
  if (given) {
    await machine.run(given, ['--version']).catch((error: Error) => {
      throw new Error(`IU_CHROMIUM: ${given} does not start (${error.message})`)
    })
    return given
  }
  const failures: string[] = []
  for (const { name, find } of ways) {
    try {
      const path = await find(machine, tell)
      await machine.run(path, ['--version'])
      return path
    }
    catch (error) {
      failures.push(`${name}: ${(error as Error).message}`)
      tell(`no browser by this way: ${failures.at(-1)}`)
    }
  }
  throw new Error(['no Chromium for the tests: install one, or name one in IU_CHROMIUM', ...failures].join('\n  '))
}
