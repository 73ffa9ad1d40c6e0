// npm run pictures -- [folder] [name …] [--readme]: each page of the portal as it looks, light, dark and on a phone, from real instances; with names only
// those. Without a folder they go to dist/pictures, which is not kept. With --readme those that the README shows are put into docs/images as well.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openBrowser } from '../test/portal/browser.ts'
import { buildPortal } from './build-web.mjs'
import { root } from './install.mjs'
import { takePictures } from './picture-pages.ts'
import { startPictureWorld } from './picture-world.ts'

const inReadme = ['overview', 'system', 'alarms', 'failover', 'explorer']

buildPortal()
const [folder = join(root, 'dist', 'pictures'), ...names] = process.argv
  .slice(2)
  .filter((word) => !word.startsWith('--'))
await mkdir(folder, { recursive: true })
await using world = await startPictureWorld()
await using browser = await openBrowser()
const failed = await takePictures(browser, world, folder, names)
for (const why of failed) process.stderr.write(`Not taken: ${why}\n`)
if (failed.length > 0) process.exitCode = 1
if (process.argv.includes('--readme')) await keepForReadme(folder, join(root, 'docs', 'images'))

/** As WebP, at a quality at which words stay sharp: half of what a page is as PNG. A browser can write that; nothing else here can. */
async function keepForReadme(from: string, to: string): Promise<void> {
  const page = await browser.newPage()
  for (const name of inReadme) {
    const png = await readFile(join(from, `${name}.png`), 'base64')
    const url = await page.evaluate<string>(`(async () => {
      const image = new Image()
      image.src = 'data:image/png;base64,${png}'
      await image.decode()
      const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height })
      canvas.getContext('2d').drawImage(image, 0, 0)
      return canvas.toDataURL('image/webp', 0.85)
    })()`)
    await writeFile(join(to, `${name}.webp`), Buffer.from(url.slice(url.indexOf(',') + 1), 'base64'))
  }
}
