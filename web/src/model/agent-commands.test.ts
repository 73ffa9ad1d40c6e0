import { expect, test } from 'vitest'
import { agentCommands, isLoopback, readServerUrl, shellWord } from './agent-commands.ts'

test('the commands name the server, and the token goes by the environment', () => {
  const url = 'https://watch.example.org:8443'
  expect(agentCommands({ url, fingerprint: 'AB:CD', name: 'north 1', token: 'fwe_1' })).toEqual({
    trust: 'farwatch trust https://watch.example.org:8443 --fingerprint AB:CD',
    start: `FARWATCH_ENROLMENT_TOKEN=fwe_1 farwatch start --role agent --server https://watch.example.org:8443 --name 'north 1'`,
  })
  expect(agentCommands({ url, name: ' ' })).toEqual({
    trust: 'farwatch trust https://watch.example.org:8443',
    start: 'farwatch start --role agent --server https://watch.example.org:8443',
  })
})

test('what somebody typed stays one word of the shell', () => {
  expect(['plain', `it's`, '$(reboot)', 'a;b', ''].map(shellWord)).toEqual([
    'plain',
    `'it'\\''s'`,
    `'$(reboot)'`,
    `'a;b'`,
    `''`,
  ])
})

test('an address that means the machine itself is known as such', () => {
  const urls = ['https://localhost:8443', 'https://127.0.0.1:8443', 'https://[::1]:1', 'https://watch.example.org', 'x']
  expect(urls.map(isLoopback)).toEqual([true, true, true, false, false])
})

test('only https addresses are servers', () => {
  const typed = [' https://a:8443 ', 'https://a/farwatch', 'http://a', 'a:8443', 'https://a?x=1', '']
  expect(typed.map(readServerUrl)).toEqual([
    'https://a:8443',
    'https://a/farwatch',
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})
