/** @file Attention as one operator, of the standard operator set and of onnxruntime's. */
export { attentions, contribAttentions } from "./attend.ts";
