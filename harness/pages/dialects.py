"""The words that pages use: headers, units, and what cells print for nothing. Data only.

A header that is not here is unknown and is said so; nothing is guessed. Headers stand without their
unit, in lower case and without spaces and ``-_.:#``: ``Top-1 Acc (%)`` is ``top1acc``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from harness.records import Metric


class Extra(StrEnum):
    """Why a column that model tables carry claims nothing of what is measured here."""

    DATA = "what it was trained or tested on"
    SPEED = "speed"
    RUN = "how it was run on some device"
    MEASURED = "measured at some precision or on some device"
    FILE = "a file or its size"
    ERROR = "an error rate, not an accuracy"
    REMARK = "a remark"


NAMES: Final = frozenset(
    {
        *("model", "models", "modelname", "modelnames", "name", "network", "networks", "net"),
        *("networkname", "arch", "architecture", "method", "methods"),
        *("模型", "模型名", "模型名称", "模型名字", "网络", "网络名称", "网络模型"),
    }
)

SOURCES: Final = frozenset(
    {
        *("source", "sourcecode", "codesource", "code", "library", "lib", "modellibrary", "repo"),
        *("repository", "modelsource", "codebase"),
        *("源码", "源代码", "来源", "模型来源", "代码来源", "源码来源", "模型库", "代码库"),
    }
)

_SETS: Final = ("", "imagenet", "imagenet1k", "in1k")

USUAL_UNITS: Final[Mapping[str, str]] = {"param_count": "M"}
"""Units of headers that say none, by who writes them so: timm's tables of results."""

METRICS: Final[Mapping[str, Metric]] = {
    **{
        dataset + spelling.format(k): metric
        for k, metric in (("1", Metric.TOP1), ("5", Metric.TOP5))
        for dataset in _SETS
        for spelling in (
            *("top{}", "top@{}", "top{}acc", "top{}accuracy", "top{}准确率", "top{}精度"),
            *("top{}正确率", "准确率top{}", "精度top{}", "正确率top{}"),
            *("acc{}", "acc@{}", "acctop{}", "acc@top{}", "accuracytop{}", "accuracy@{}"),
            *("accuracy{}", "prec@{}", "prec{}", "precision@{}", "floataccuracytop{}"),
        )
    },
    # Multiply-accumulates and operations stay apart: no page says which of the two it counted.
    **dict.fromkeys(
        (
            *("macs", "mac", "madds", "madd", "multadds", "multadd", "maccs", "macc"),
            *("乘加", "乘加量", "乘加数", "乘加次数"),
        ),
        Metric.MACS,
    ),
    **dict.fromkeys(
        (
            *("flops", "flop", "ops"),
            *("浮点运算量", "浮点运算次数", "浮点计算量", "浮点运算数"),
        ),
        Metric.FLOPS,
    ),
    **dict.fromkeys(
        (
            *("params", "param", "parameters", "parameter", "paramcount", "paramscount"),
            *("modelparams", "modelparameters", "numparams", "nparams", "numberofparameters"),
            *("ofparams", "ofparameters", "numofparams"),
            *("参数", "参数量", "参数数量", "参数个数", "模型参数", "模型参数量"),
        ),
        Metric.PARAMS,
    ),
    **dict.fromkeys(
        (
            *("input", "inputsize", "inputshape", "inputresolution", "inputimagesize"),
            *("imagesize", "imgsize", "imgsz", "imageresolution", "resolution", "shape", "shapes"),
            *("testsize", "testresolution", "evalsize", "cropsize"),
            *("输入", "输入尺寸", "输入大小", "输入分辨率", "输入形状", "输入shape", "分辨率"),
            *("图像尺寸", "图片尺寸", "图像大小", "图片大小", "图像分辨率", "图片分辨率"),
            *("输入图像尺寸", "输入图片尺寸"),
        ),
        Metric.INPUT_SIZE,
    ),
}

# Headers that say what they claim by halves, and what they leave open. Some units fill the gap.
ACCURACIES: Final = frozenset({"acc", "accuracy", "准确率", "精度", "正确率"})
OPERATIONS: Final = frozenset(
    {"operations", "computation", "complexity", "计算量", "运算量", "模型计算量"}
)
SIZES: Final = frozenset({"size", "modelsize", "大小", "尺寸", "模型大小"})
AMBIGUOUS: Final[Mapping[str, str]] = {
    **dict.fromkeys(ACCURACIES, "says neither top-1 nor top-5"),
    **dict.fromkeys(OPERATIONS, "says neither MACs nor FLOPs"),
    **dict.fromkeys(SIZES, "says neither pixels of the input nor bytes of a file"),
}

EXTRAS: Final[Mapping[str, Extra]] = {
    word: kind
    for kind, words in {
        Extra.DATA: (
            *("dataset", "datasets", "testset", "data", "traindata", "trainingdata", "pretrain"),
            *("pretrained", "pretraining", "pretraindata", "epochs", "epoch", "classes"),
            *("numclasses", "task", "trainsize", "trainingsize", "trainresolution", "traintime"),
            *("trainingtime", "resample", "interpolation", "croppct", "context", "recipe", "schd"),
            *("数据集", "测试集", "训练集", "训练数据", "预训练", "类别数", "训练轮数", "任务"),
        ),
        Extra.RUN: (
            *("device", "devices", "hardware", "platform", "precision", "dtype", "datatype"),
            *("quant", "quantization", "batch", "batchsize", "bs", "backend", "runtime", "engine"),
            *("chip", "card", "gpu", "cpu", "npu", "accelerator", "instances", "streams", "power"),
            *("设备", "硬件", "平台", "芯片", "板卡", "数据类型", "量化", "量化方式", "量化方法"),
            *("批大小", "批次", "功耗", "后端", "推理引擎"),
        ),
        Extra.FILE: (
            *("config", "configs", "configuration", "download", "downloads", "downloadaddress"),
            *("weights", "weight", "checkpoint", "checkpoints", "ckpt", "pretrainedmodel", "log"),
            *("logs", "trainlog", "22kmodel", "1kmodel", "url", "link", "links", "filesize"),
            *("storagesize", "modelstoragesize", "md5", "onnx"),
            *("配置", "配置文件", "下载", "下载地址", "下载链接", "链接", "权重", "权重文件"),
            *("预训练模型", "预训练权重", "预训练模型下载地址", "inference模型下载地址"),
            *("模型文件", "文件大小", "存储大小", "onnxversion", "opset", "opsetversion"),
        ),
        Extra.ERROR: (
            *("top1err", "top5err", "top1error", "top5error", "err1", "err5", "error"),
            *("errortop1", "errortop5", "top1错误率", "top5错误率", "错误率"),
        ),
        Extra.REMARK: (
            *("paper", "papers", "reference", "notes", "note", "remark", "remarks", "comment"),
            *("comments", "description", "year", "license", "author", "no", "#", "id", "index"),
            *("论文", "参考", "备注", "描述", "说明", "年份", "序号", "编号", "作者"),
        ),
    }.items()
    for word in words
}

# Parts of a header, in lower case and with its unit, that decide it whatever else it says.
SPEED_WORDS: Final = re.compile(
    r"latency|throughput|speed|\bfps\b|\bqps\b|imgs?/s|images?/s|\btime\b|\(m?s\)"
    r"|延迟|延时|时延|吞吐|速度|帧率|耗时|用时|时间"
)
INT8_WORDS: Final = re.compile(
    r"(?:\bvacc )?\bint-?8\b|\bquanti[sz]ed\b|\b8[- ]?bit\b|量化后?|int8|\bhardware(?= accuracy\b)"
)
"""What makes an accuracy that of int8, in lower case. Hailo's is of what its hardware runs."""
INT8_ALONE: Final = frozenset({"quantized", "quantised", "int8"})
"""Headers of figures in int8 that leave open which; top-1, beside a column of top-1."""
MEASURED_WORDS: Final = re.compile(
    r"(?:fp|bf|int|uint)(?:4|8|16|32|64)\b|\btf32\b|\bquanti[sz]ed\b"
    r"|\bhardware (?:accuracy|degradation)\b|\bon[ -]device\b|\bvacc\b"
    r"|量化|浮点(?!运算|计算)|设备|单线程|多线程"
)
TASKS: Final[Mapping[str, re.Pattern[str]]] = {
    task: re.compile(words)
    for task, words in {
        "object detection": r"\bmap(?![a-z])"
        r"|\b(?:box|bbox|mask)?[ _-]?ap(?:50|75|s|m|l|box|mask)?\b",
        "segmentation": r"\bm?iou\b|\bmacc\b|\baacc\b|\bdice\b",
        "language": r"\bbleu\b|\brouge|\bperplexity\b|\bppl\b|\bf1\b|\bexact[ _-]match\b|\bem\b"
        r"|\bsquad|\bglue\b|\bmnli\b|\bmmlu\b|\btokens?\b",
        "speech": r"\b[wc]er\b",
        "image restoration": r"\bpsnr\b|\bssim\b|\blpips\b",
        "re-identification": r"\brank-?1\b|\bminp\b",
        "pose estimation": r"\bpck(?:h|@|\b)|\boks\b",
        "tracking": r"\bmot[ap]\b|\bidf1\b|\bhota\b",
        "salient object detection": r"\bmae\b|\b[fse]-?measure\b",
        "face detection": r"^(?:easy|medium|hard)$",
        "face recognition": r"\blfw\b|\beer\b",
        "face alignment": r"\bnme\b",
        "facial attributes": r"^(?:race|gender|age)$",
    }.items()
}
"""Figures that models of another task than classification have, in lower case."""
AT_SIZE: Final = re.compile(
    r"\s*\(?\s*@\s*(?P<size>[1-9][0-9]{1,3})(?:\s*[x×*]\s*(?P=size))?\s*(?:px)?\s*\)?(?=\s*(?:$|[(\[]))"
)
"""The input size that a column's figures are of, at the end of a header or before its unit."""
SMALLEST_SIZE: Final = 16  # pixels; what is less after an @ is a rank: top@5, prec@10
PRECISIONS: Final = re.compile(
    r"(?:(?:fp|bf|int|uint|float|w[0-9]+a)(?:4|8|16|32|64)|tf32|half|float|double)", re.IGNORECASE
)

_LETTERS: Final = {"k": "K", "m": "M", "g": "G", "b": "B", "t": "T"}
_COUNT_UNITS: Final = {
    **_LETTERS,
    **dict.fromkeys(("thousand", "千"), "K"),
    **dict.fromkeys(("mega", "million", "millions", "百万"), "M"),
    **dict.fromkeys(("giga",), "G"),
    **dict.fromkeys(("billion", "billions", "十亿"), "B"),
    **{
        spelling.format(power): unit
        for power, unit in (("3", "K"), ("6", "M"), ("9", "G"), ("12", "T"))
        for spelling in ("1e{}", "10^{}", "10 {}", "10**{}", "x10^{}", "×10^{}", "×10 {}", "x10 {}")
    },
    **{
        times + power: unit
        for power, unit in (("10³", "K"), ("10⁶", "M"), ("10⁹", "G"), ("10¹²", "T"))
        for times in ("", "x", "×")
    },
}


def _with_words(*words: str) -> Mapping[str, str]:
    """Units that repeat what they count: ``FLOPs (GFLOPs)``."""
    repeated = {letter + word: unit for word in words for letter, unit in _LETTERS.items()}
    return _COUNT_UNITS | repeated


# Unit as printed (lower case) → unit as recorded. "" is a header without a unit: the unit it maps
# to is implied; a metric without "" needs its unit in the header or in every cell.
UNITS: Final[Mapping[Metric, Mapping[str, str]]] = {
    Metric.TOP1: {"": "%", "%": "%"},
    Metric.TOP5: {"": "%", "%": "%"},
    Metric.INT8_TOP1: {"": "%", "%": "%"},
    Metric.INT8_TOP5: {"": "%", "%": "%"},
    Metric.MACS: _with_words("macs", "mac", "madds", "madd"),
    Metric.FLOPS: _with_words("flops", "flop"),
    Metric.PARAMS: _with_words("params", "param"),
    Metric.INPUT_SIZE: dict.fromkeys(
        ("", "px", "pixel", "pixels", "像素", "hxwxc", "hxw", "h×w×c", "h×w"), "px"
    ),
}

# Units that say what a header of `SIZES` or `OPERATIONS` leaves open.
FILE_UNITS: Final = frozenset({"kb", "mb", "gb", "kib", "mib", "gib"})
OPERATION_UNIT: Final = re.compile(r"(?P<unit>[kmgt])(?P<word>flops?|macs?|madds?)")

# What a cell prints for "no figure"; folded and in lower case.
MISSING: Final = frozenset(
    {"", "-", "--", "---", "\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2015", "\u2212"}
    | {"/", "\\", "n/a", "na", "n.a.", "none", "tbd", "...", "\u2014\u2014", "无", "暂无"}
)


def known_units(metric: Metric) -> str:
    """The units of a metric, for messages."""
    return ", ".join(dict.fromkeys(UNITS[metric].values()))


def is_missing(text: str) -> bool:
    """Whether the plain text of a cell says that there is no figure."""
    return text.casefold() in MISSING
