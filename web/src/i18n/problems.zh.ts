import { count } from '../core/numbers';
import type { Sentence, Sentences } from './problems';

/** 服务器按英文报告的每一种问题，用中文说出来。 */
export const problems: Sentences = {
  CutawayError: () => vague('这个请求无法完成。'),
  ConfigError: () => vague('请求里有一个值不可用。'),
  OutOfRange: ({ name, given, low, high }) => ({
    what: `${named(name)}为 ${given}，超出了范围。`,
    hint: `它应是 ${count(low)} 到 ${count(high)} 之间的整数。`,
  }),
  UnknownName: ({ name, known }) => ({
    what: `没有名为“${name}”的对象。`,
    hint: `可用的名称：${listed(known)}。`,
  }),
  PartOutside: ({ name, given, n }) => ({
    what: `${named(name)}为 ${given}，超出了范围。`,
    hint: `它应是 0:${n} 中不为空的一段。`,
  }),
  ImpossibleEdit: () => ({
    what: '这些改动互相矛盾，或者要从不存在的运行中移植注意力头。',
    hint: '请撤销其中一处改动。',
  }),
  NothingToChoose: () => ({
    what: '下一个词元的得分中没有可选的：得分不是有限的数，或者所有词元都被禁止。',
    hint: '请改用默认的采样设置；如果仍然如此，说明权重已损坏，或对它的数据类型来说过大。',
  }),
  TooManyNumbers: () => ({
    what: '一次要的数太多了。',
    hint: '请只要一个注意力头，或只要其中几行。',
  }),
  NotMusic: ({ name }) => ({
    what: `模型“${name}”的词表不是钢琴演奏的事件。`,
    hint: '请用以演奏训练的模型，见 docs/music.md。',
  }),
  DataError: () => vague('这个文件里的数据读不了。'),
  MissingExtra: () => vague('缺少一个可选的软件包。'),
  ContextLengthError: ({ n_tokens, n_ctx }) => ({
    what: `文本有 ${count(n_tokens)} 个词元，而模型只有 ${count(n_ctx)} 个位置。`,
    hint: `请只保留最前或最后 ${count(n_ctx)} 个词元。`,
  }),
  TokenizerError: () => vague('词表无法处理这段文本或这些编号。'),
  NoTokenizer: () => ({
    what: '这个模型没有附带分词器，读不了文本。',
    hint: '请直接写词元编号，或把 tokenizer.json（或 vocab.json 和 merges.txt）放到模型旁边。',
  }),
  ResourceError: () => vague('内存或磁盘不够。'),
  ModelNotFound: ({ name, known }) => ({
    what: `这里没有名为“${name}”的模型。`,
    hint: `现有的模型：${listed(known)}。`,
  }),
  RunNotFound: ({ run }) => ({
    what: `运行 ${run} 没有打开，或已被清出内存。`,
    hint: '请用它的词元编号重新打开。',
  }),
  InvalidRequest: ({ place, given, rule, limit }) => {
    const what = given ? `${named(place)}为 ${given}，不符合要求。` : `${named(place)}不符合要求。`;
    const hint = RULES[rule]?.(limit);
    return hint === undefined ? vague(what) : { what, hint };
  },
  HTTPError: ({ status }) => ({ what: `服务器以状态码 ${status} 拒绝了请求。` }),
  BadRequest: () => vague('请求的格式不对。'),
  ForeignHost: ({ host }) => ({ what: `这个服务器不是“${host}”。` }),
  ForeignOrigin: ({ origin }) => ({
    what: origin ? `来自“${origin}”的页面不能向这里提问。` : '其他网站的页面不能向这里提问。',
  }),
  NotJson: ({ type }) => ({ what: `内容类型是“${type}”，而不是 application/json。` }),
  RequestTooLarge: ({ limit }) => ({
    what: `请求超过了 ${count(limit)} 字节。`,
    hint: '请缩短文本。',
  }),
  TooBusy: () => ({ what: '待处理的请求太多，或者这个组件已经关闭。', hint: '请稍后再试。' }),
  InternalError: () => ({
    what: '服务器没能回答：出了没有预料到的问题。',
    hint: '详情见启动服务器的终端。换一个问题也许仍可得到回答。',
  }),
  Lost: () => ({ what: '服务器没有响应。' }),
  NotRecorded: () => ({
    what: '这个文件里没有这个答案。',
    hint: '请用 cutaway explore 打开同一个链接继续。',
  }),
  Error: () => vague('页面出了问题。'),
};

/** 请求里各个字段的名称；没有列出的保留原名。 */
const NAMES: Readonly<Record<string, string>> = {
  layer: '层号',
  head: '头号',
  neuron: '神经元编号',
  id: '词元编号',
  ids: '词元编号',
  q: '查询位置',
  k: '键的位置',
  i: '下标',
  position: '位置',
  text: '文本',
  seed: '随机种子',
  n: '词元数',
  'The request': '请求',
};

/** 字段须满足的条件，按检查它的规则。 */
const RULES: Readonly<Record<string, (limit: string) => string>> = {
  greater_than_equal: (limit) => `它不能小于 ${limit}。`,
  greater_than: (limit) => `它必须大于 ${limit}。`,
  less_than_equal: (limit) => `它不能大于 ${limit}。`,
  less_than: (limit) => `它必须小于 ${limit}。`,
  int_parsing: () => '它必须是整数。',
  int_type: () => '它必须是整数。',
  int_from_float: () => '它必须是整数。',
  float_parsing: () => '它必须是数。',
  float_type: () => '它必须是数。',
  finite_number: () => '它必须是有限的数。',
  bool_parsing: () => '它必须是 true 或 false。',
  string_type: () => '它必须是文本。',
  list_type: () => '它必须是列表。',
  literal_error: (limit) =>
    `它必须是以下之一：${limit.replaceAll(' or ', '、').replaceAll(', ', '、')}。`,
  string_pattern_mismatch: (limit) => `它必须符合 ${limit}。`,
  missing: () => '它不能省略。',
  extra_forbidden: () => '没有这个字段。',
  json_invalid: () => '它必须是 JSON。',
};

/** 名称若以拉丁字母结尾，后面空一格。 */
function named(name: string): string {
  return NAMES[name] ?? `${name} `;
}

function listed(names: string): string {
  return names.replaceAll(', ', '、');
}

function vague(what: string): Sentence {
  return { what, isVague: true };
}
