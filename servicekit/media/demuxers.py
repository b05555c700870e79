"""Which kinds of files are read at all, by FFmpeg's names of its demuxers.

Files that hold their own data. Everything that names other files or addresses, or is a program, is left out on
purpose: concat, hls, dash, webm_dash_manifest, imf, sdp, rtsp, image2 patterns, svg_pipe, lavfi, avisynth, and the
like. A demuxer on the list opens nothing else either: MOV's references to other files are followed only with
`enable_drefs`, which is never set.
"""

_NAMES = (
    # containers
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpeg,mpegts,mpegvideo,asf,ogg,mxf,gif,apng,nut,ivf,rm,wtv,swf",
    # streams without one
    "h264,hevc,av1,obu,vc1,m4v,dv,wav,w64,aiff,au,caf,mp3,aac,ac3,eac3,dts,flac,ape,wv,tta,amr,opus",
    # stills
    "jpeg_pipe,png_pipe,webp_pipe,bmp_pipe,tiff_pipe,gif_pipe,jpegxl_pipe,jpegls_pipe,j2k_pipe,psd_pipe",
    "dpx_pipe,exr_pipe,hdr_pipe,sgi_pipe,ppm_pipe,pgm_pipe,pam_pipe",
    # subtitles
    "srt,webvtt,ass",
)
DEMUXERS = frozenset(name for names in _NAMES for name in names.split(","))


def reading_options(demuxer: str) -> list[str]:
    """Returns the options of FFmpeg, before `-i file:…`, for a file that may be anything but is to be read as that.

    Neither the name nor the content then makes FFmpeg choose another demuxer, and what this one finds in the file
    opens no address and no file of another kind. Raises ValueError for a demuxer that is not on the list.
    """
    if demuxer not in DEMUXERS:
        raise ValueError(f"{demuxer} is no demuxer that files of users are read with")
    references = ["-enable_drefs", "0"] if demuxer == "mov" else []
    return ["-protocol_whitelist", "file", "-format_whitelist", demuxer, *references, "-f", demuxer]
