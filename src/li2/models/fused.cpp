// Passes of two-layer networks O = scale sigma(XW) V, X one-hot, a tile of samples and nodes at a time: gathered, passed
// through the activation and multiplied while it is in a core's cache. Products keep twelve vectors of sums in registers.
//
// Every number is computed in one order, whatever the number of threads and the other runs beside it: outputs are
// shared out by samples and gradients by nodes, so that no two threads add to the same one.

#include <algorithm>
#include <cstdint>
#include <vector>

#define INLINE inline __attribute__((always_inline))

using Index = std::int64_t;

enum Activation : Index { polynomial, cube, relu, relu2 };

// What is gone through, as li2.models.fused fills it in. Arrays are contiguous, row after row.
struct Job {
    Index runs, samples, operands, inputs, width, classes;
    Index activation;
    double slope, curvature;  // of a polynomial: slope z + curvature z^2
    double scale;             // of the outputs
    Index threads;
    const Index* rows;  // (runs, samples, operands): the rows of W that a sample selects
    const void* W;      // (runs, inputs, width)
    const void* V;      // (runs, width, classes)
};

namespace {

constexpr Index SAMPLES = 128, NODES = 144;  // of a tile; a row of it is an odd number of cache lines long
constexpr Index BYTES = 32, VECTORS = 3;     // a panel of a matrix is so many vectors wide

template <class Real>
struct Lane;

template <>
struct Lane<float> {
    typedef float Vector __attribute__((vector_size(BYTES), aligned(alignof(float)), may_alias));
};

template <>
struct Lane<double> {
    typedef double Vector __attribute__((vector_size(BYTES), aligned(alignof(double)), may_alias));
};

template <class Real>
using Vector = typename Lane<Real>::Vector;

template <class Real>
constexpr Index LANES = BYTES / sizeof(Real);

template <class Real>
constexpr Index PANEL = VECTORS * LANES<Real>;

constexpr Index rounded(Index count, Index unit) { return (count + unit - 1) / unit * unit; }

template <class Real>
INLINE Vector<Real>& at(Real* place) { return *reinterpret_cast<Vector<Real>*>(place); }

template <class Real>
INLINE const Vector<Real>& at(const Real* place) { return *reinterpret_cast<const Vector<Real>*>(place); }

// XW of one sample: the sum of the rows of W's tile that it selects; where that is one only, with the zeros below them.
template <class Real>
struct Preactivation {
    const Real *W, *first, *second;
    const Index *others, *end;

    INLINE Preactivation(const Job& job, const Real* W, const Index* chosen)
        : W(W), first(W + chosen[0] * NODES), second(W + (job.operands > 1 ? chosen[1] : job.inputs) * NODES),
          others(chosen + 2), end(chosen + job.operands) {}

    INLINE void operator()(Index node, Vector<Real>& z) const {
        z = at(first + node) + at(second + node);
        for (const Index* other = others; other < end; ++other) z += at(W + *other * NODES + node);
    }
};

// The activation sigma, and its derivative. A NaN stays one.
template <Activation kind, class Real>
struct Sigma {
    Real a, b;

    INLINE explicit Sigma(const Job& job) : a(static_cast<Real>(job.slope)), b(static_cast<Real>(job.curvature)) {}

    INLINE void activate(Vector<Real>& z) const {
        const Vector<Real> zero{};
        if constexpr (kind == polynomial) z *= a + b * z;
        if constexpr (kind == cube) z *= z * z;
        if constexpr (kind == relu) z = z < zero ? zero : z;
        if constexpr (kind == relu2) z = z < zero ? zero : z * z;
    }

    // A gradient in sigma(z) becomes one in z.
    INLINE void chain(Vector<Real>& gradient, const Vector<Real>& z) const {
        const Vector<Real> zero{};
        if constexpr (kind == polynomial) gradient *= a + 2 * b * z;
        if constexpr (kind == cube) gradient *= 3 * z * z;
        if constexpr (kind == relu) gradient = z <= zero ? zero : gradient;
        if constexpr (kind == relu2) gradient *= z <= zero ? zero : 2 * z;
    }
};

// A matrix in panels: columns of it in groups of PANEL, the last one narrower, each group row after row, so that a
// product reads it as it lies. Columns are filled up with zeros to a whole number of vectors.
template <class Real>
void pack(Real* to, const Real* from, Index rows, Index columns, Index row_step, Index column_step, Real scale) {
    const Index filled = rounded(columns, LANES<Real>);
    for (Index first = 0; first < filled; first += PANEL<Real>) {
        const Index width = std::min(PANEL<Real>, filled - first), there = std::min(width, columns - first);
        for (Index i = 0; i < rows; ++i, to += width) {
            const Real* row = from + i * row_step + first * column_step;
            for (Index j = 0; j < there; ++j) to[j] = scale * row[j * column_step];
            std::fill(to + there, to + width, Real(0));
        }
    }
}

// sums += left * panel: some rows of left, (row, k) lying at row_step row + step k, and a panel of the other matrix.
template <class Real, Index rows, Index vectors>
INLINE void multiply(Vector<Real> (&sums)[rows][vectors], const Real* left, Index row_step, Index step,
                     const Real* panel, Index count) {
    for (Index k = 0; k < count; ++k) {
        const Real* right = panel + k * vectors * LANES<Real>;
#pragma GCC unroll 8
        for (Index i = 0; i < rows; ++i)
#pragma GCC unroll 3
            for (Index v = 0; v < vectors; ++v)
                sums[i][v] += left[i * row_step + k * step] * at(right + v * LANES<Real>);
    }
}

// Goes through the rows of a product in groups that fill the registers, then one by one; use is given their number.
template <Index vectors, class Use>
INLINE void by_rows(Index rows, Use use) {
    constexpr Index group = vectors == 3 ? 4 : vectors == 2 ? 6 : 8;
    Index row = 0;
    for (; row + group <= rows; row += group) use.template operator()<group, vectors>(row);
    for (; row < rows; ++row) use.template operator()<1, vectors>(row);
}

// Goes through the panels of a matrix, and for each through all rows of a product.
template <class Real, class Use>
INLINE void by_panels(Index rows, Index columns, Use use) {
    const Index filled = rounded(columns, LANES<Real>);
    for (use.column = 0; use.column < filled; use.column += PANEL<Real>) {
        const Index vectors = std::min(VECTORS, (filled - use.column) / LANES<Real>);
        if (vectors == 3) by_rows<3>(rows, use);
        if (vectors == 2) by_rows<2>(rows, use);
        if (vectors == 1) by_rows<1>(rows, use);
    }
}

// result += left * right, right in panels of count rows each.
template <class Real>
struct Product {
    Real* result;
    Index stride;
    const Real* left;
    Index row_step, step;
    const Real* right;
    Index count, column = 0;

    template <Index rows, Index vectors>
    INLINE void operator()(Index row) const {
        Vector<Real> sums[rows][vectors];
        Real* place = result + row * stride + column;
        for (Index i = 0; i < rows; ++i)
            for (Index v = 0; v < vectors; ++v) sums[i][v] = at(place + i * stride + v * LANES<Real>);
        multiply<Real>(sums, left + row * row_step, row_step, step, right + column * count, count);
        for (Index i = 0; i < rows; ++i)
            for (Index v = 0; v < vectors; ++v) at(place + i * stride + v * LANES<Real>) = sums[i][v];
    }
};

// The gradient in W from that in the outputs: for some samples and a panel of nodes the gradient in their features is
// computed, passed back through the activation and added to the rows that they select.
template <Activation kind, class Real>
struct Scatter {
    const Job& job;
    const Index* chosen;
    const Real *W, *in_outputs, *V;  // W's tile; V's, transposed, in panels
    Real* in_W;
    Index column = 0;

    template <Index rows, Index vectors>
    INLINE void operator()(Index row) const {
        Vector<Real> sums[rows][vectors] = {};
        multiply<Real>(sums, in_outputs + row * job.classes, job.classes, 1, V + column * job.classes, job.classes);
        const Sigma<kind, Real> sigma(job);
        for (Index i = 0; i < rows; ++i) {
            const Index *own = chosen + (row + i) * job.operands, *end = own + job.operands;
            const Preactivation<Real> preactivation(job, W, own);
            for (Index v = 0; v < vectors; ++v) {
                const Index node = column + v * LANES<Real>;
                Vector<Real> z;
                preactivation(node, z);
                sigma.chain(sums[i][v], z);
            }
            for (; own < end; ++own) {
                Real* total = in_W + *own * NODES + column;
                for (Index v = 0; v < vectors; ++v) at(total + v * LANES<Real>) += sums[i][v];
            }
        }
    }
};

// Memory of a thread: tiles of W and its gradient, of features, of V and its gradient in one layout or another, and of
// a table with a row for each label.
template <class Real>
struct Workspace {
    std::vector<Real> W, in_W, features, V, in_V, labelled;

    explicit Workspace(const Job& job)
        : W((job.inputs + 1) * NODES), in_W(W.size()), features(SAMPLES * NODES),
          V(NODES * rounded(job.classes, LANES<Real>)), in_V(V.size()), labelled(job.classes * NODES) {}
};

// One run's work on some of its samples or nodes.
template <Activation kind, class Real>
struct Work {
    const Job& job;
    Workspace<Real>& space;
    const Index* rows;
    const Real *W, *V;
    Index stride = rounded(job.classes, 8);  // of outputs

    Work(const Job& job, Workspace<Real>& space, Index run)
        : job(job), space(space), rows(job.rows + run * job.samples * job.operands),
          W(static_cast<const Real*>(job.W) + run * job.inputs * job.width),
          V(static_cast<const Real*>(job.V) + run * job.width * job.classes) {}

    // Some columns of W, side by side, filled up with zeros to whole vectors.
    INLINE void take(Index node, Index nodes) const {
        for (Index input = 0; input < job.inputs; ++input) {
            Real* row = space.W.data() + input * NODES;
            std::copy_n(W + input * job.width + node, nodes, row);
            std::fill(row + nodes, row + rounded(nodes, LANES<Real>), Real(0));
        }
    }

    // sigma(XW) of some samples and the nodes that were taken.
    INLINE void fill(Index sample, Index samples, Index nodes) const {
        const Sigma<kind, Real> sigma(job);
        for (Index s = 0; s < samples; ++s) {
            const Preactivation<Real> preactivation(job, space.W.data(), rows + (sample + s) * job.operands);
            Real* row = space.features.data() + s * NODES;
            for (Index node = 0; node < nodes; node += LANES<Real>) {
                Vector<Real> z;
                preactivation(node, z);
                sigma.activate(z);
                at(row + node) = z;
            }
        }
    }

    // Outputs of some samples.
    INLINE void forward(Real* outputs, Index first, Index end) const {
        std::fill(outputs + first * stride, outputs + end * stride, Real(0));
        for (Index node = 0; node < job.width; node += NODES) {
            const Index nodes = std::min(NODES, job.width - node);
            take(node, nodes);
            pack(space.V.data(), V + node * job.classes, nodes, job.classes, job.classes, Index(1),
                 static_cast<Real>(job.scale));
            for (Index sample = first; sample < end; sample += SAMPLES) {
                const Index samples = std::min(SAMPLES, end - sample);
                fill(sample, samples, nodes);
                by_panels<Real>(samples, job.classes,
                                Product<Real>{outputs + sample * stride, stride, space.features.data(), NODES, 1,
                                              space.V.data(), nodes});
            }
        }
    }

    // Sums of sigma(XW) over the samples of each label, for some nodes.
    INLINE void sums(const Index* labels, Real* by_label, Index node, Index nodes) const {
        const Sigma<kind, Real> sigma(job);
        take(node, nodes);
        std::fill(space.labelled.begin(), space.labelled.end(), Real(0));
        for (Index s = 0; s < job.samples; ++s) {
            const Preactivation<Real> preactivation(job, space.W.data(), rows + s * job.operands);
            Real* total = space.labelled.data() + labels[s] * NODES;
            for (Index j = 0; j < nodes; j += LANES<Real>) {
                Vector<Real> z;
                preactivation(j, z);
                sigma.activate(z);
                at(total + j) += z;
            }
        }
        for (Index label = 0; label < job.classes; ++label)
            std::copy_n(space.labelled.data() + label * NODES, nodes, by_label + label * job.width + node);
    }

    // Gradients in some nodes' weights where those in sigma(XW) are, for each sample, its label's row of a table.
    INLINE void pull(const Index* labels, const Real* table, Real* in_W, Index node, Index nodes) const {
        const Sigma<kind, Real> sigma(job);
        take(node, nodes);
        std::fill(space.in_W.begin(), space.in_W.end(), Real(0));
        for (Index label = 0; label < job.classes; ++label)
            std::copy_n(table + label * job.width + node, nodes, space.labelled.data() + label * NODES);
        for (Index s = 0; s < job.samples; ++s) {
            const Index* own = rows + s * job.operands;
            const Preactivation<Real> preactivation(job, space.W.data(), own);
            const Real* signal = space.labelled.data() + labels[s] * NODES;
            for (Index j = 0; j < nodes; j += LANES<Real>) {
                Vector<Real> z, gradient = at(signal + j);
                preactivation(j, z);
                sigma.chain(gradient, z);
                for (Index k = 0; k < job.operands; ++k) at(space.in_W.data() + own[k] * NODES + j) += gradient;
            }
        }
        give(in_W, node, nodes);
    }

    // The gradient in W's tile to where it belongs.
    INLINE void give(Real* in_W, Index node, Index nodes) const {
        for (Index input = 0; input < job.inputs; ++input)
            std::copy_n(space.in_W.data() + input * NODES, nodes, in_W + input * job.width + node);
    }

    // Gradients of the loss in some nodes' weights; packed: those in the outputs, in panels for each tile of samples.
    INLINE void backward(const Real* in_outputs, const Real* packed, Real* in_W, Real* in_V, Index node,
                         Index nodes) const {
        const Index filled = rounded(job.classes, LANES<Real>);
        take(node, nodes);
        pack(space.V.data(), V + node * job.classes, job.classes, nodes, Index(1), job.classes,
             static_cast<Real>(job.scale));
        std::fill(space.in_W.begin(), space.in_W.end(), Real(0));
        std::fill(space.in_V.begin(), space.in_V.end(), Real(0));
        for (Index sample = 0; sample < job.samples; sample += SAMPLES) {
            const Index samples = std::min(SAMPLES, job.samples - sample);
            fill(sample, samples, nodes);
            by_panels<Real>(nodes, job.classes,
                            Product<Real>{space.in_V.data(), filled, space.features.data(), 1, NODES,
                                          packed + sample * filled, samples});
            by_panels<Real>(samples, nodes,
                            Scatter<kind, Real>{job, rows + sample * job.operands, space.W.data(),
                                                in_outputs + sample * job.classes, space.V.data(), space.in_W.data()});
        }
        give(in_W, node, nodes);
        for (Index j = 0; j < nodes; ++j)
            for (Index m = 0; m < job.classes; ++m)
                in_V[(node + j) * job.classes + m] = static_cast<Real>(job.scale) * space.in_V[j * filled + m];
    }
};

// Vectors are those of processors with AVX2; without them, PyTorch's operations are faster.
#if defined(__x86_64__)
#define WIDE __attribute__((target("avx2,fma")))
const bool is_wide = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
#define WIDE
const bool is_wide = false;
#endif
#define INLINED __attribute__((always_inline))  // of a lambda

template <class Use>
WIDE void vectorised(const Use& use) { use(); }

// Shares out work on all runs: use is given a thread's memory and the number of a piece.
template <class Real, class Use>
void share_out(const Job& job, Index pieces, const Use& use) {
#pragma omp parallel num_threads(job.threads) if (job.threads > 1)
    {
        Workspace<Real> space(job);
#pragma omp for schedule(dynamic)
        for (Index piece = 0; piece < pieces; ++piece) use(space, piece);
    }
}

// The same by runs and nodes: use is given a run's work, its number, and which nodes.
template <Activation kind, class Real, class Use>
void by_nodes(const Job& job, const Use& use) {
    const Index shares = (job.width + NODES - 1) / NODES;
    share_out<Real>(job, job.runs * shares, [&](Workspace<Real>& space, Index piece) {
        const Index run = piece / shares, node = piece % shares * NODES, nodes = std::min(NODES, job.width - node);
        const Work<kind, Real> work(job, space, run);
        vectorised([&]() INLINED { use(work, run, node, nodes); });
    });
}

template <Activation kind, class Real>
void outputs_of(const Job& job, Real* outputs) {
    const Index shares = job.runs < job.threads ? job.threads : 1, each = (job.samples + shares - 1) / shares;
    share_out<Real>(job, job.runs * shares, [&](Workspace<Real>& space, Index piece) {
        const Index first = std::min(piece % shares * each, job.samples), end = std::min(first + each, job.samples);
        const Work<kind, Real> work(job, space, piece / shares);
        vectorised([&]() INLINED { work.forward(outputs + piece / shares * job.samples * work.stride, first, end); });
    });
}

template <Activation kind, class Real>
void gradients_of(const Job& job, const Real* in_outputs, Real* in_W, Real* in_V) {
    const Index filled = rounded(job.classes, LANES<Real>);
    std::vector<Real> packed(job.runs * job.samples * filled);
#pragma omp parallel for num_threads(job.threads) if (job.threads > 1)
    for (Index run = 0; run < job.runs; ++run)
        for (Index sample = 0; sample < job.samples; sample += SAMPLES) {
            const Index first = run * job.samples + sample;
            pack(packed.data() + first * filled, in_outputs + first * job.classes,
                 std::min(SAMPLES, job.samples - sample), job.classes, job.classes, Index(1), Real(1));
        }
    by_nodes<kind, Real>(job, [&](const auto& work, Index run, Index node, Index nodes) INLINED {
        const Index first = run * job.samples;
        work.backward(in_outputs + first * job.classes, packed.data() + first * filled,
                      in_W + run * job.inputs * job.width, in_V + run * job.width * job.classes, node, nodes);
    });
}

template <Activation kind, class Real>
void sums_of(const Job& job, const Index* labels, Real* by_label) {
    by_nodes<kind, Real>(job, [&](const auto& work, Index, Index node, Index nodes) INLINED {
        work.sums(labels, by_label, node, nodes);
    });
}

template <Activation kind, class Real>
void pull_of(const Job& job, const Index* labels, const Real* table, Real* in_W) {
    by_nodes<kind, Real>(job, [&](const auto& work, Index, Index node, Index nodes) INLINED {
        work.pull(labels, table, in_W, node, nodes);
    });
}

// The function for a job's activation.
#define BY_KIND(function, ...)                                     \
    switch (job->activation) {                                     \
        case polynomial: return function<polynomial>(__VA_ARGS__); \
        case cube: return function<cube>(__VA_ARGS__);             \
        case relu: return function<relu>(__VA_ARGS__);             \
        case relu2: return function<relu2>(__VA_ARGS__);           \
    }

}  // namespace

// outputs: (runs, samples, classes rounded up to a multiple of 8); gradients as the arrays they are in; sums and tables
// by label: (classes, width), of one run.
#define FOR_TYPE(Real)                                                                      \
    void outputs_##Real(const Job* job, Real* outputs) { BY_KIND(outputs_of, *job, outputs) } \
    void gradients_##Real(const Job* job, const Real* in_outputs, Real* in_W, Real* in_V) { \
        BY_KIND(gradients_of, *job, in_outputs, in_W, in_V)                                 \
    }                                                                                       \
    void sums_##Real(const Job* job, const Index* labels, Real* by_label) {                 \
        BY_KIND(sums_of, *job, labels, by_label)                                            \
    }                                                                                       \
    void pull_##Real(const Job* job, const Index* labels, const Real* table, Real* in_W) {  \
        BY_KIND(pull_of, *job, labels, table, in_W)                                         \
    }

extern "C" {
Index job_size() { return is_wide ? sizeof(Job) : 0; }  // 0: not to be used on this processor
FOR_TYPE(float)
FOR_TYPE(double)
}
