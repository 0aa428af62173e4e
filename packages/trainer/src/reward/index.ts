export { compareAnswers, goldFault, maxAnswerLength, type Verdict } from './answer.ts'
export { lastBoxed } from './boxed.ts'
export { hasBoxedFormat, hasThinkFormat } from './format.ts'
export { softOverlongPunishment, type SoftOverlong } from './overlong.ts'
export {
  accuracyReward,
  answerVerdict,
  combineRewards,
  mathReward,
  rewardFunctions,
  type Rewarder,
  type RewardFunction,
  type RewardOptions,
  type Scored,
  type TotalReward,
} from './rewards.ts'
