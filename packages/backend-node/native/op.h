// What every kernel here needs: inputs and outputs of one call, and registration with TensorFlow's stable C interface.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <vector>

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_status.h"
#include "tensorflow/c/tf_tensor.h"

namespace durian {

using Shape = std::vector<int64_t>;

inline int64_t sizeOf(const Shape& shape) {
  int64_t size = 1;
  for (const int64_t n : shape) size *= n;
  return size;
}

/** One call of a kernel. Checks nothing that the caller in TypeScript has checked; TensorFlow checks types and counts. */
class Call {
 public:
  Call(TF_OpKernelContext* context, float attribute)
      : epsilon(attribute), context_(context), status_(TF_NewStatus()), inputs_(TF_NumInputs(context)) {
    for (size_t i = 0; i < inputs_.size(); i++) TF_GetInput(context, static_cast<int>(i), &inputs_[i], status_);
  }
  ~Call() {
    if (TF_GetCode(status_) != TF_OK) TF_OpKernelContext_Failure(context_, status_);
    for (TF_Tensor* tensor : inputs_) TF_DeleteTensor(tensor);
    for (TF_Tensor* tensor : outputs_) TF_DeleteTensor(tensor);
    TF_DeleteStatus(status_);
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /** The one number a kernel may be made with; 0 where it has none. */
  const float epsilon;

  int inputs() const { return static_cast<int>(inputs_.size()); }
  Shape shape(int i) const {
    Shape shape(TF_NumDims(inputs_[i]));
    for (size_t axis = 0; axis < shape.size(); axis++) shape[axis] = TF_Dim(inputs_[i], static_cast<int>(axis));
    return shape;
  }
  int64_t size(int i) const { return TF_TensorElementCount(inputs_[i]); }
  float* floats(int i) const { return static_cast<float*>(TF_TensorData(inputs_[i])); }
  const int32_t* ints(int i) const { return static_cast<const int32_t*>(TF_TensorData(inputs_[i])); }

  /** Memory of the i-th output; null where there is none left, which ends the call with an error. */
  float* output(int i, const Shape& shape) {
    const auto rank = static_cast<int>(shape.size());
    TF_Tensor* tensor =
        TF_AllocateOutput(context_, i, TF_FLOAT, shape.data(), rank, sizeOf(shape) * sizeof(float), status_);
    if (TF_GetCode(status_) != TF_OK) return nullptr;
    outputs_.push_back(tensor);
    static float none;  // TensorFlow has no address for an output without elements
    return sizeOf(shape) == 0 ? &none : static_cast<float*>(TF_TensorData(tensor));
  }

 private:
  TF_OpKernelContext* context_;
  TF_Status* status_;
  std::vector<TF_Tensor*> inputs_;
  std::vector<TF_Tensor*> outputs_;
};

using Compute = void (*)(Call&);

/** Makes an operation known to TensorFlow under its name, with a kernel for the processor. */
struct Operation {
  const char* name;
  std::initializer_list<const char*> inputs;
  std::initializer_list<const char*> outputs;
  std::initializer_list<const char*> attributes;
};

namespace internal {

inline void* create(TF_OpKernelConstruction* construction) {
  auto* epsilon = new float(0);
  TF_Status* status = TF_NewStatus();
  TF_OpKernelConstruction_GetAttrFloat(construction, "epsilon", epsilon, status);  // stays 0 where there is none
  TF_DeleteStatus(status);
  return epsilon;
}

inline void destroy(void* kernel) { delete static_cast<float*>(kernel); }

template <Compute compute>
void run(void* kernel, TF_OpKernelContext* context) {
  Call call(context, *static_cast<float*>(kernel));
  compute(call);
}

}  // namespace internal

/** False when TensorFlow refuses it. */
template <Compute compute>
bool define(const Operation& operation) {
  TF_Status* status = TF_NewStatus();
  TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(operation.name);
  for (const char* attribute : operation.attributes) TF_OpDefinitionBuilderAddAttr(definition, attribute);
  for (const char* input : operation.inputs) TF_OpDefinitionBuilderAddInput(definition, input);
  for (const char* output : operation.outputs) TF_OpDefinitionBuilderAddOutput(definition, output);
  TF_RegisterOpDefinition(definition, status);
  if (TF_GetCode(status) == TF_OK) {
    TF_KernelBuilder* kernel = TF_NewKernelBuilder(operation.name, "CPU", internal::create, internal::run<compute>, internal::destroy);
    TF_RegisterKernelBuilder(operation.name, kernel, status);
  }
  const bool ok = TF_GetCode(status) == TF_OK;
  TF_DeleteStatus(status);
  return ok;
}

/** e^(x - max) / sum of one row; y may be x. */
void softmaxRow(const float* x, float* y, int64_t width);

bool defineRows();
bool defineScores();
bool defineOptimiser();
bool defineDecoding();
bool defineAttention();
bool defineLinear();

}  // namespace durian
