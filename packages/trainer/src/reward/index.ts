export { compareAnswers, goldFault, maxAnswerLength, type Verdict } from './answer.ts'
export { lastBoxed } from './boxed.ts'
export { combineRewards, type Rewarder, type RewardOptions, type TotalReward } from './combine.ts'
export { hasBoxedFormat, hasThinkFormat } from './format.ts'
export { graders, type Grader } from './graders.ts'
export {
  accuracyReward,
  answerVerdict,
  mathReward,
  rewardFunctions,
  type RewardFunction,
  type Scored,
} from './rewards.ts'
export type { BatchedUserReward, RewardSample, UserReward, UserVerdict } from './userReward.ts'
