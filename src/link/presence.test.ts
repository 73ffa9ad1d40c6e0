import { expect, test } from 'vitest'
import { hear, type Presence } from './presence.ts'

// seconds : start, `!` says hello → verdict
const stories = {
  'an agent goes on': '0:A!→new start 5:A→go on 10:A!→go on',
  'who was not heard yet says hello first': '0:A→say hello 1:A!→new start',
  'a restart takes over': '0:A!→new start 5:A→go on 7:B!→new start 12:B→go on 40:B→go on',
  'what was on its way at a restart changes nothing': '0:A!→new start 7:B!→new start 8:A→wait 9:B→go on',
  'two machines are found out, and the first goes on':
    '0:A!→new start 7:B!→new start 12:A→found a double 13:A!→go on 14:B→is a double 15:B!→is a double 16:A→go on',
  'the second takes the place of a first that is gone':
    '0:A!→new start 7:B!→new start 12:A→found a double 14:B!→is a double 73:B!→new start 74:B→go on',
}

for (const [name, story] of Object.entries(stories)) {
  test(name, () => {
    let presence: Presence | undefined
    const told = [...story.matchAll(/(\d+):(\w)(!?)→([a-z ]*[a-z])/g)].map(([, at, boot, hello]) => {
      const now = Number(at) * 1_000
      const heard = hear(presence, { boot: boot!, isHello: hello === '!', issuedAt: now, at: now, now })
      presence = heard.presence
      return `${at}:${boot}${hello}→${heard.verdict}`
    })
    expect(told.join(' ')).toBe(story)
  })
}
