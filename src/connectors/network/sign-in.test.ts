import { expect, test } from 'vitest'
import { TargetError } from '../../sdk/index.ts'
import { SignIn } from './sign-in.ts'

/** A server that counts how often it was asked to let somebody in. */
function door() {
  let now = 0
  let asked = 0
  const signIn = new SignIn(() => now)
  return {
    pass: (ms: number) => (now += ms),
    asked: () => asked,
    knock: (answer: 'right' | 'wrong' | 'down') =>
      signIn
        .try(async () => {
          asked++
          await Promise.resolve()
          if (answer === 'wrong') throw new TargetError('credentials', `no, ${asked}`)
          if (answer === 'down') throw new TargetError('refused', 'down')
          return 'in'
        })
        .catch((thrown: Error) => thrown.message),
  }
}

test('a wrong password is tried once in five minutes, and everybody is told the same', async () => {
  const { knock, asked, pass } = door()
  const told = await Promise.all([knock('wrong'), knock('wrong'), knock('wrong')])
  pass(299_000)
  told.push(await knock('wrong'))
  const before = asked()
  pass(2_000)
  told.push(await knock('right'), await knock('right'))
  expect([told, before, asked()]).toEqual([['no, 1', 'no, 1', 'no, 1', 'no, 1', 'in', 'in'], 1, 3])
})

test('a server that is down is asked again at once', async () => {
  const { knock, asked } = door()
  expect([await knock('down'), await knock('right'), await knock('wrong'), await knock('right'), asked()]).toEqual([
    'down',
    'in',
    'no, 3',
    'no, 3',
    3,
  ])
})

test('who waits for somebody else’s sign-in stops waiting when its own time is up', async () => {
  const signIn = new SignIn(() => 0)
  const forever = Promise.withResolvers<string>()
  const first = signIn.try(() => forever.promise)
  const second = signIn.try(() => Promise.reject(new TargetError('timed out', 'not asked')), AbortSignal.abort())
  const third = signIn.try(async () => 'in')
  const told = await second.catch((thrown: Error) => thrown.message)
  forever.resolve('first in')
  expect([told, await first, await third]).toEqual(['not asked', 'first in', 'in'])
})
