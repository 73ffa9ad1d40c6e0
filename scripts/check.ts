// npm run check: everything that can be known without running the program. One line a check, and what it has to say where it fails.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { findDuplicates } from './duplicates.ts'
import { root } from './install.mjs'

interface Finding {
  readonly ok: boolean
  readonly output: string
}

const checks: readonly (readonly [string, () => Finding])[] = [
  ['generated files are fresh (npm run generate)', () => tool('scripts/generate.ts', '--check')],
  ['the lock file names every platform', () => tool('scripts/complete-lock.mjs', '--check')],
  [
    'format (npm run format)',
    () => tool('node_modules/oxfmt/bin/oxfmt', '--check', 'src', 'test', 'scripts', 'bench', 'bin'),
  ],
  [
    'lint and layers',
    () =>
      tool(
        'node_modules/oxlint/bin/oxlint',
        '--type-aware',
        '--tsconfig',
        'tsconfig.test.json',
        'src',
        'test',
        'scripts',
        'bench',
      ),
  ],
  ['types of the program', () => tool('node_modules/typescript/bin/tsc', '-b')],
  ['types of the tests', () => tool('node_modules/typescript/bin/tsc', '-p', 'tsconfig.test.json')],
  ['types of the portal', () => tool('node_modules/typescript/bin/tsc', '--noEmit', '-p', 'web')],
  ['nothing is written twice', duplicates],
]

function tool(script: string, ...args: readonly string[]): Finding {
  const done = spawnSync(process.execPath, [join(root, script), ...args], { cwd: root, encoding: 'utf8' })
  return { ok: done.status === 0, output: `${done.stdout}${done.stderr}${done.error?.message ?? ''}` }
}

function duplicates(): Finding {
  const found = findDuplicates(root, ['src/**/!(*.test).ts', 'web/src/**/*.{ts,tsx}', 'scripts/*.{ts,mjs}'])
  return {
    ok: found.length === 0,
    output: found.map(({ lines, places }) => `${lines} equal lines: ${places.join(' and ')}\n`).join(''),
  }
}

let failed = 0
for (const [name, check] of checks) {
  const began = performance.now()
  const { ok, output } = check()
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  process.stdout.write(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)\n`)
  if (!ok) {
    failed++
    process.stdout.write(`${output.trimEnd()}\n`)
  }
}
// Read by npm test, which adds the tests to it.
process.stdout.write(`${checks.length - failed} checks passed, ${failed} failed\n`)
process.exit(failed === 0 ? 0 : 1)
